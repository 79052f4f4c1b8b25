//! Short stand-ins of vectors: signs of the vector after a fixed random rotation. The share of signs that differ tells the
//! angle between two vectors (Charikar 2002, section 3), so that a few hundred bytes sort out what is worth reading.
//!
//! The rotation is two rounds of random signs and a Walsh-Hadamard transform (Ailon and Chazelle 2006): n log n steps.

/// Most signs of a sketch.
const MOST: usize = 1024;
/// Fewest, so that short vectors are told apart.
const FEWEST: usize = 256;

/// A sign that depends on its place alone.
fn sign(round: u64, place: usize) -> f32 {
    // SplitMix64 of place and round.
    let mut x = (place as u64).wrapping_add(round << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    if (x ^ (x >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
}

fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for block in values.chunks_exact_mut(half * 2) {
            let (left, right) = block.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// A vector after one of the fixed rotations.
fn rotated(vector: &[f32], rotation: u64) -> Vec<f32> {
    let size = vector.len().next_power_of_two().max(FEWEST);
    let mut values = vector.to_vec();
    values.resize(size, 0.0);
    for round in 0..2 {
        for (place, value) in values.iter_mut().enumerate() {
            *value *= sign(2 * rotation + round, place);
        }
        hadamard(&mut values);
    }
    values.truncate(MOST);
    values
}

fn bits(values: &[f32]) -> Vec<u8> {
    values.chunks(8).map(|eight| eight.iter().fold(0, |byte, x| byte << 1 | u8::from(*x > 0.0))).collect()
}

/// The signs of a vector, eight to a byte: 32 to 128 bytes, as many for every vector of one length.
pub(super) fn sketch(vector: &[f32]) -> Vec<u8> {
    bits(&rotated(vector, 0))
}

/// A vector after two rotations, one behind the other, up to [`MOST`] numbers: two errors are half as large as one.
fn twice(vector: &[f32]) -> Vec<f32> {
    let mut values = rotated(vector, 0);
    values.extend(rotated(vector, 1));
    values.truncate(MOST);
    values
}

/// The signs of a vector after two rotations: 64 to 128 bytes.
pub(super) fn signs(vector: &[f32]) -> Vec<u8> {
    bits(&twice(vector))
}

/// Bytes of [`signs`] for vectors of a length.
pub(super) fn signs_len(dimensions: usize) -> usize {
    (2 * dimensions.next_power_of_two().max(FEWEST)).min(MOST) / 8
}

/// Tells how near vectors are to one vector by their signs alone. The vector itself is not cut to signs, so that the error
/// is that of one side only (`RaBitQ`, SIGMOD 2024, section 3.2), by a table of what each byte adds.
pub(super) struct Scale(Vec<[f32; 256]>);

impl Scale {
    pub(super) fn of(vector: &[f32]) -> Self {
        let rotated = twice(vector);
        let table = rotated.chunks(8).map(|eight| {
            let mut sums = [0.0; 256];
            sums[0] = -eight.iter().sum::<f32>();
            for byte in 1..256_usize {
                // What a byte adds to the one without its lowest bit.
                let bit = byte.trailing_zeros() as usize;
                sums[byte] = sums[byte & (byte - 1)] + 2.0 * eight.get(7 - bit).copied().unwrap_or(0.0);
            }
            sums
        });
        Self(table.collect())
    }

    /// The more, the nearer; comparable for one scale only.
    pub(super) fn weigh(&self, signs: &[u8]) -> f32 {
        self.0.iter().zip(signs).map(|(sums, byte)| sums[usize::from(*byte)]).sum()
    }
}

/// How many signs differ.
pub(super) fn distance(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vector that differs from another by an angle.
    fn turned(angle: f32) -> (Vec<f32>, Vec<f32>) {
        let mut a = vec![0.0; 384];
        let mut b = vec![0.0; 384];
        a[3] = 1.0;
        b[3] = angle.cos();
        b[200] = angle.sin();
        (a, b)
    }

    #[test]
    fn the_share_of_differing_signs_is_the_angle() {
        for degrees in [0_u8, 20, 45, 90, 180] {
            let (a, b) = turned(f32::from(degrees).to_radians());
            let (a, b) = (sketch(&a), sketch(&b));
            assert_eq!((a.len(), b.len()), (64, 64));
            let found = f64::from(distance(&a, &b)) / 512.0 * 180.0;
            assert!((found - f64::from(degrees)).abs() < 12.0, "{degrees}: {found}");
        }
    }

    #[test]
    fn a_scale_weighs_what_the_signs_say() {
        let vector: Vec<f32> = (0_u8..200).map(|n| (f32::from(n) * 0.7).sin()).collect();
        let (scale, rotated) = (Scale::of(&vector), twice(&vector));
        let other: Vec<f32> = (0_u8..200).map(|n| (f32::from(n) * 0.3).cos()).collect();
        let wanted: f32 =
            twice(&other).iter().zip(&rotated).map(|(x, own)| if *x > 0.0 { *own } else { -*own }).sum();
        assert!((scale.weigh(&signs(&other)) - wanted).abs() < wanted.abs() * 1e-3 + 1e-2);
        assert!(scale.weigh(&signs(&vector)) > 3.0 * wanted.abs(), "nothing is nearer than itself");
        for length in [1, 200, 256, 257, 768, 4000] {
            assert_eq!(signs(&vec![0.1; length]).len(), signs_len(length), "{length}");
        }
    }

    #[test]
    fn sketches_have_a_length_of_their_own_for_each_length_of_vectors() {
        assert_eq!(sketch(&[1.0]).len(), 32);
        assert_eq!(sketch(&[0.5; 768]).len(), 128);
        assert_eq!(sketch(&[0.5; 4000]).len(), 128);
    }
}
