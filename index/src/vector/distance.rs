//! How alike two vectors are, as a score: larger is better, whichever distance is chosen.

use std::fmt;
use std::str::FromStr;

use super::kernel::Kernel;

/// The measure by which vectors are compared. A database has one, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Distance {
    /// The cosine of the angle: a score in -1..=1; 0 where one of the vectors is zero and has no direction.
    #[default]
    Cosine,
    /// The dot product: any score.
    DotProduct,
    /// The negative of the squared Euclidean distance: a score of at most 0.
    Euclidean,
}

impl Distance {
    /// Every distance, for messages and help.
    pub const ALL: [Distance; 3] = [Distance::Cosine, Distance::DotProduct, Distance::Euclidean];

    /// The name that [`FromStr`] reads and the database's manifest keeps.
    pub fn name(self) -> &'static str {
        match self {
            Distance::Cosine => "cosine",
            Distance::DotProduct => "dot",
            Distance::Euclidean => "euclidean",
        }
    }

    /// The exact score of two finite vectors of one length; the shorter one's length counts where they differ.
    pub fn score(self, left: &[f32], right: &[f32]) -> f32 {
        let length = left.len().min(right.len());
        let (left, right) = (&left[..length], &right[..length]);
        let kernel = Kernel::best();
        let score = match self {
            Distance::Cosine => {
                // Outside this range a sum of squares in `f32` loses digits or overflows.
                let sound = 1e-30..1e30;
                let (left_square, right_square) = (kernel.dot_f32(left, left), kernel.dot_f32(right, right));
                if sound.contains(&left_square) && sound.contains(&right_square) {
                    kernel.dot_f32(left, right) / (left_square.sqrt() * right_square.sqrt())
                } else {
                    f32::NAN
                }
            }
            Distance::DotProduct => kernel.dot_f32(left, right),
            Distance::Euclidean => -squared_difference(left, right),
        };
        let score = if score.is_finite() { score } else { self.careful_score(left, right) };
        match self {
            Distance::Cosine => score.clamp(-1.0, 1.0),
            // -0.0 would sort apart from 0.0.
            Distance::DotProduct | Distance::Euclidean => score + 0.0,
        }
    }

    /// The score in `f64`, for vectors so large or so small that `f32` sums overflow or vanish.
    fn careful_score(self, left: &[f32], right: &[f32]) -> f32 {
        let sum = |term: fn(f64, f64) -> f64| -> f64 {
            left.iter().zip(right).map(|(&l, &r)| term(f64::from(l), f64::from(r))).sum()
        };
        let score = match self {
            Distance::Cosine => {
                let norms = sum(|l, _| l * l).sqrt() * sum(|_, r| r * r).sqrt();
                if norms > 0.0 { sum(|l, r| l * r) / norms } else { 0.0 }
            }
            Distance::DotProduct => sum(|l, r| l * r),
            Distance::Euclidean => -sum(|l, r| (l - r) * (l - r)),
        };
        score.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }

    /// What a row and a query bring to the score of their codes, from their scale and norm:
    /// `score = query.factor * row.factor * dot(codes) + query.offset + row.offset`, one formula for all distances, so that a scan need
    /// not know which one it computes.
    pub(crate) fn row_terms(self, scale: f32, norm: f32) -> Terms {
        match self {
            Distance::Cosine => Terms { factor: if norm > 0.0 { scale / norm } else { 0.0 }, offset: 0.0 },
            Distance::DotProduct => Terms { factor: scale, offset: 0.0 },
            // -|q - r|^2 = 2 q.r - |q|^2 - |r|^2
            Distance::Euclidean => Terms { factor: scale, offset: -norm * norm },
        }
    }

    /// The query's part of the formula at [`Distance::row_terms`].
    pub(crate) fn query_terms(self, scale: f32, norm: f32) -> Terms {
        let Terms { factor, offset } = self.row_terms(scale, norm);
        match self {
            Distance::Cosine | Distance::DotProduct => Terms { factor, offset },
            Distance::Euclidean => Terms { factor: 2.0 * factor, offset },
        }
    }
}

/// One side's part of the score of two codes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Terms {
    /// Multiplied with the dot product of the codes.
    pub(crate) factor: f32,
    /// Added.
    pub(crate) offset: f32,
}

/// In eight running sums, which the compiler keeps in vector registers.
fn squared_difference(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_tail) = left.as_chunks::<8>();
    let (right, right_tail) = right.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, l), r) in sums.iter_mut().zip(left).zip(right) {
            *sum += (l - r) * (l - r);
        }
    }
    let tail: f32 = left_tail.iter().zip(right_tail).map(|(l, r)| (l - r) * (l - r)).sum();
    sums.iter().sum::<f32>() + tail
}

/// Scales `vector` to length 1. A zero vector has no direction and stays as it is; so does one with a NaN or an infinity.
pub fn normalise(vector: &mut [f32]) {
    let norm = norm(vector);
    if norm > 0.0 && norm.is_finite() {
        for value in vector {
            *value = (f64::from(*value) / norm) as f32;
        }
    }
}

/// The Euclidean length, in `f64` so that it neither overflows nor vanishes.
pub(crate) fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt()
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of those there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {what}; use one of {}", known.join(", "))]
pub struct UnknownName {
    /// What the name should have been one of.
    pub what: &'static str,
    /// What was given.
    pub found: String,
    /// The names there are.
    pub known: Vec<&'static str>,
}

impl FromStr for Distance {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Distance::ALL.into_iter().find(|distance| distance.name() == name).ok_or_else(|| UnknownName {
            what: "distance",
            found: name.to_owned(),
            known: Distance::ALL.map(Distance::name).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_are_read_back() {
        for distance in Distance::ALL {
            assert_eq!(distance.to_string().parse(), Ok(distance));
        }
        let message = "l2".parse::<Distance>().unwrap_err().to_string();
        assert!(message.contains("`l2`"));
        assert!(Distance::ALL.iter().all(|distance| message.contains(distance.name())), "{message}");
    }

    #[test]
    fn scores_by_hand() {
        let (left, right) = ([3.0, 4.0, 0.0], [3.0, 0.0, 0.0]);
        assert_eq!(Distance::Cosine.score(&left, &right), 0.6);
        assert_eq!(Distance::DotProduct.score(&left, &right), 9.0);
        assert_eq!(Distance::Euclidean.score(&left, &right), -16.0);
        let same = Distance::Euclidean.score(&left, &left);
        assert!(same == 0.0 && same.is_sign_positive());
    }

    #[test]
    fn extremes_have_a_score() {
        assert_eq!(Distance::Cosine.score(&[0.0; 9], &[1.0; 9]), 0.0);
        assert_eq!(Distance::Cosine.score(&[1e-30; 9], &[1e-30; 9]), 1.0);
        assert_eq!(Distance::Cosine.score(&[1e30; 9], &[-1e30; 9]), -1.0);
        assert_eq!(Distance::DotProduct.score(&[1e30; 9], &[1e30; 9]), f32::MAX);
        assert_eq!(Distance::Euclidean.score(&[1e30; 9], &[-1e30; 9]), f32::MIN);
    }

    #[test]
    fn normalising() {
        let mut vector = [3e30, 4e30];
        normalise(&mut vector);
        assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6, "{vector:?}");
        let mut zero = [0.0; 4];
        normalise(&mut zero);
        assert_eq!(zero, [0.0; 4]);
    }
}
