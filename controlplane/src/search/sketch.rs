//! The built-in vector of a text in one byte per dimension: near enough to rank by, and small enough to stand beside it.

use mc_overlap::Prepared;
use mc_overlap::builtin::{DIMENSIONS, embed};

/// The vector of a text.
pub(super) fn of(text: &Prepared) -> Vec<u8> {
    let vector = embed(text);
    let largest = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    if largest <= 0.0 {
        return vec![0; DIMENSIONS];
    }
    #[expect(clippy::cast_possible_truncation, reason = "a value from -127 to 127")]
    let scaled = |x: f32| (x / largest * 127.0).round() as i8;
    vector.into_iter().map(|x| scaled(x).to_ne_bytes()[0]).collect()
}

/// The cosine of a vector with one that was kept; `None` when it was kept by nobody.
pub(super) fn cosine(own: &[f32], kept: Option<&[u8]>) -> Option<f32> {
    let kept = kept.filter(|kept| kept.len() == own.len())?;
    let other: Vec<f32> = kept.iter().map(|byte| f32::from(i8::from_ne_bytes([*byte]))).collect();
    Some(mc_overlap::cosine(own, &other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_overlap::{Text, cosine as exact};

    #[test]
    fn a_sketch_is_as_near_as_its_vector() {
        let text = |title| Prepared::new(&Text { title, body: "", paths: &[] });
        let (one, other) = (text("Retry uploads to the object store"), text("Uploads are tried again"));
        let near = cosine(&embed(&one), Some(&of(&other))).unwrap();
        assert!((near - exact(&embed(&one), &embed(&other))).abs() < 0.01, "{near}");
        assert_eq!(cosine(&embed(&one), None), None);
        assert_eq!(of(&text("")), vec![0; DIMENSIONS]);
    }
}
