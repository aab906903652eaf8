//! A vector in one byte a dimension: what the scan reads, and what is stored beside the full row so that opening a database need not
//! read the rows.
//!
//! The scale is the vector's own, symmetric about zero: `value ~ scale * code` with `scale` about `max |value| / 127`. So a code needs no
//! calibration over other vectors, never goes stale, and a vector and its negative have negative codes of each other.
//!
//! About, because the scale is then corrected so that the code's dot product with its own vector is exact. What is left of the error is
//! at right angles to the vector and hardly touches the scores of queries close to it, which are those that matter: among 100 near-equal
//! vectors (cosine .999) the 10 nearest by code alone are 76 % right instead of 18 %. The correction is kept within half a step, so a
//! value is off by at most one: `max |value| / 127`. Candidates found by codes are rescored from full rows.

use super::distance::norm;
use crate::error::{Error, Result};

/// The most dimensions a vector may have.
pub const MAX_DIMENSION: usize = 4096;

/// A vector quantised to 8 bits a dimension. See the module's documentation for its error.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    /// Each in -127..=127, `dimension` of them.
    values: Box<[i8]>,
    /// `value ~ scale * code`; 0 for a zero vector.
    scale: f32,
    /// The Euclidean length of the vector before quantisation.
    norm: f32,
}

impl Code {
    /// The bytes before the code values: the scale, then the norm.
    const HEADER_BYTES: usize = 8;

    /// How much of itself the scale may be corrected by: half a step at the largest code.
    const MAX_CORRECTION: f64 = 0.5 / 127.0;

    /// The largest length whose square, times the few terms it is added to, stays a finite `f32`.
    const MAX_NORM: f64 = 6.0e18;

    /// Quantises `vector`, of 1 to [`MAX_DIMENSION`] values.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`]; [`Error::NotFinite`] for a NaN, an infinity, or a vector so long (6e18) that scores would overflow:
    /// then the position is its largest value's.
    pub fn encode(vector: &[f32]) -> Result<Code> {
        check_dimension(vector.len())?;
        check_finite(vector)?;
        let norm = norm(vector);
        let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        if norm > Self::MAX_NORM {
            let position = vector.iter().position(|value| value.abs() == largest).unwrap_or(0);
            return Err(Error::NotFinite { position });
        }
        // The quotient of two values, not a product with 127 / largest, which is infinite for the smallest ones.
        let quantise = |&value: &f32| {
            let code = if largest > 0.0 { value / largest * 127.0 } else { 0.0 };
            // Rounds half away from zero; `f32::round` is a function call where the processor is not known to have it.
            (code + 0.5f32.copysign(code)) as i8
        };
        let values: Box<[i8]> = vector.iter().map(quantise).collect();
        let step = f64::from(largest) / 127.0;
        let along: f64 = values.iter().zip(vector).map(|(&code, &value)| f64::from(code) * f64::from(value)).sum();
        let exact = if along > 0.0 { norm * norm / along } else { step };
        let scale = exact.clamp(step * (1.0 - Self::MAX_CORRECTION), step * (1.0 + Self::MAX_CORRECTION));
        Ok(Code { values, scale: scale as f32, norm: norm as f32 })
    }

    /// How many dimensions the vector has.
    pub fn dimension(&self) -> usize {
        self.values.len()
    }

    /// The code values, each in -127..=127.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// What a code value is multiplied with to give back the vector's value, about.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The Euclidean length of the vector before quantisation.
    pub fn norm(&self) -> f32 {
        self.norm
    }

    /// The vector as the code remembers it: each value within `max |value| / 127` of the original.
    pub fn decode(&self) -> Vec<f32> {
        self.values.iter().map(|&code| f32::from(code) * self.scale).collect()
    }

    /// The bytes of a code of `dimension` values.
    pub const fn byte_length(dimension: usize) -> usize {
        Self::HEADER_BYTES + dimension
    }

    /// The stored form, little-endian: scale (`f32`), norm (`f32`), then one `i8` a dimension.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::byte_length(self.dimension()));
        bytes.extend_from_slice(&self.scale.to_le_bytes());
        bytes.extend_from_slice(&self.norm.to_le_bytes());
        bytes.extend(self.values.iter().map(|&code| code as u8));
        bytes
    }

    /// Reads the stored form of a vector of `dimension` values. Takes any bytes; what it accepts can be searched without a panic or a NaN.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`]; [`Error::DimensionMismatch`] for another number of bytes; [`Error::Damaged`] for a scale, norm or
    /// value that no vector has.
    pub fn from_bytes(bytes: &[u8], dimension: usize) -> Result<Code> {
        check_dimension(dimension)?;
        let damaged = |reason: &str| Error::Damaged { path: "a vector's code".into(), reason: reason.to_owned() };
        let (Some((scale, rest)), true) = (bytes.split_first_chunk(), bytes.len() >= Self::HEADER_BYTES) else {
            return Err(damaged("it is too short"));
        };
        let Some((norm, values)) = rest.split_first_chunk() else {
            return Err(damaged("it is too short"));
        };
        if values.len() != dimension {
            return Err(Error::DimensionMismatch { expected: dimension, found: values.len() });
        }
        let (scale, norm) = (f32::from_le_bytes(*scale), f32::from_le_bytes(*norm));
        let sound = 0.0..=Self::MAX_NORM as f32;
        if !sound.contains(&scale) || !sound.contains(&norm) || scale > norm {
            return Err(damaged("its scale or norm is out of range"));
        }
        let values: Box<[i8]> = values.iter().map(|&byte| byte as i8).collect();
        if values.contains(&i8::MIN) {
            return Err(damaged("a value is -128"));
        }
        Ok(Code { values, scale, norm })
    }
}

/// Refuses what no index can hold.
pub(crate) fn check_dimension(dimension: usize) -> Result<()> {
    if (1..=MAX_DIMENSION).contains(&dimension) {
        Ok(())
    } else {
        Err(Error::UnsupportedDimension { dimension, maximum: MAX_DIMENSION })
    }
}

/// Refuses NaN and infinities, naming the first.
pub(crate) fn check_finite(vector: &[f32]) -> Result<()> {
    match vector.iter().position(|value| !value.is_finite()) {
        Some(position) => Err(Error::NotFinite { position }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    fn vectors() -> impl Strategy<Value = Vec<f32>> {
        (prop::collection::vec(-1.0f32..=1.0, 1..300), -60i32..60)
            .prop_map(|(vector, magnitude)| vector.iter().map(|v| v * 2f32.powi(magnitude)).collect())
    }

    #[test]
    fn extremes() {
        assert_eq!(Code::encode(&[0.0, -0.0]).unwrap().values(), [0, 0]);
        assert_eq!(Code::encode(&[1e-45, -1e-45]).unwrap().values(), [127, -127]);
        assert!(matches!(Code::encode(&[]), Err(Error::UnsupportedDimension { dimension: 0, .. })));
        assert!(matches!(Code::encode(&[0.0; 4097]), Err(Error::UnsupportedDimension { dimension: 4097, .. })));
        assert!(matches!(Code::encode(&[0.0, f32::NAN]), Err(Error::NotFinite { position: 1 })));
        assert!(matches!(Code::encode(&[0.0, 1.0, -1e19]), Err(Error::NotFinite { position: 2 })));
    }

    #[test]
    fn what_no_vector_has_is_refused() {
        let bytes = Code::encode(&[1.0, 2.0]).unwrap().to_bytes();
        let with = |at: usize, replacement: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + replacement.len()].copy_from_slice(replacement);
            Code::from_bytes(&bytes, 2)
        };
        assert!(with(0, &f32::NAN.to_le_bytes()).is_err());
        assert!(with(0, &(-1.0f32).to_le_bytes()).is_err());
        assert!(with(4, &f32::INFINITY.to_le_bytes()).is_err());
        assert!(with(8, &[0x80]).is_err());
        assert!(matches!(Code::from_bytes(&bytes, 3), Err(Error::DimensionMismatch { expected: 3, found: 2 })));
    }

    proptest! {
        #[test]
        fn a_value_is_off_by_a_step_at_most(vector in vectors()) {
            let code = Code::encode(&vector).unwrap();
            let step = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs())) / 127.0;
            prop_assert!(code.values().iter().all(|&value| value > i8::MIN));
            for (value, decoded) in vector.iter().zip(code.decode()) {
                prop_assert!((value - decoded).abs() <= step * 1.0001, "{value} became {decoded}");
            }
        }

        /// What the correction of the scale is for.
        #[test]
        fn a_vector_has_its_own_score(seed in prop::collection::vec(-1.0f32..=1.0, 100..300)) {
            let code = Code::encode(&seed).unwrap();
            let square: f32 = seed.iter().map(|value| value * value).sum();
            let found: f32 = seed.iter().zip(code.decode()).map(|(value, decoded)| value * decoded).sum();
            prop_assert!((found / square - 1.0).abs() < 1e-5, "{found} for {square}");
        }

        #[test]
        fn bytes_come_back(vector in vectors()) {
            let code = Code::encode(&vector).unwrap();
            let bytes = code.to_bytes();
            prop_assert_eq!(bytes.len(), Code::byte_length(vector.len()));
            prop_assert_eq!(Code::from_bytes(&bytes, vector.len()).unwrap(), code);
        }

        #[test]
        fn any_bytes_are_taken_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), dimension in 0usize..40) {
            if let Ok(code) = Code::from_bytes(&bytes, dimension) {
                prop_assert_eq!(code.to_bytes(), bytes);
            }
        }
    }
}
