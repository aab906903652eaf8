//! Arithmetic on the vectors that go out: fewer components, and how alike two are.

use crate::refusal::Refusal;

/// Whether so many components can be kept.
///
/// # Errors
/// 400 when there are not as many, or none are asked for.
pub(crate) fn check_dimensions(wanted: Option<usize>, dimension: usize) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if wanted == 0 || wanted > dimension => {
            Err(Refusal::argument("dimensions", format!("{wanted} is not between 1 and the model's {dimension}")))
        }
        _ => Ok(()),
    }
}

/// The first components, scaled to length 1 again.
pub(crate) fn shorten(mut vector: Vec<f32>, dimensions: Option<usize>) -> Vec<f32> {
    let Some(dimensions) = dimensions.filter(|&dimensions| dimensions < vector.len()) else { return vector };
    vector.truncate(dimensions);
    let length = dot(&vector, &vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|component| *component /= length);
    }
    vector
}

/// The dot product; for vectors of length 1 the cosine.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_vectors_have_length_one() {
        assert_eq!(shorten(vec![3.0, 4.0, 12.0], Some(2)), [0.6, 0.8]);
        assert_eq!(shorten(vec![0.0, 1.0], Some(1)), [0.0], "nothing can be done about a zero");
        assert_eq!(shorten(vec![0.6, 0.8], None), [0.6, 0.8]);
        assert!(check_dimensions(Some(0), 4).is_err() && check_dimensions(Some(5), 4).is_err());
        assert!(check_dimensions(Some(4), 4).is_ok() && check_dimensions(None, 4).is_ok());
    }
}
