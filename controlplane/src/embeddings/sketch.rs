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

/// The signs of a vector, eight to a byte: 32 to 128 bytes, as many for every vector of one length.
pub(super) fn sketch(vector: &[f32]) -> Vec<u8> {
    let size = vector.len().next_power_of_two().max(FEWEST);
    let mut values = vector.to_vec();
    values.resize(size, 0.0);
    for round in 0..2 {
        for (place, value) in values.iter_mut().enumerate() {
            *value *= sign(round, place);
        }
        hadamard(&mut values);
    }
    let signs = &values[..size.min(MOST)];
    signs.chunks(8).map(|eight| eight.iter().fold(0, |byte, x| byte << 1 | u8::from(*x > 0.0))).collect()
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
    fn sketches_have_a_length_of_their_own_for_each_length_of_vectors() {
        assert_eq!(sketch(&[1.0]).len(), 32);
        assert_eq!(sketch(&[0.5; 768]).len(), 128);
        assert_eq!(sketch(&[0.5; 4000]).len(), 128);
    }
}
