//! A vector in full precision, as the store keeps it: the truth that codes and graphs are made from and rescored by.

use std::fmt;
use std::str::FromStr;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::code::{check_dimension, check_finite};
use super::distance::UnknownName;
use crate::error::{Error, Result};

/// How a row's values are stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RowFormat {
    /// Two bytes a value, 11 significant bits, up to 65,504: enough for the vectors of any encoder.
    #[default]
    F16,
    /// Four bytes a value, exact.
    F32,
}

impl RowFormat {
    /// Every format, for messages and help.
    pub const ALL: [RowFormat; 2] = [RowFormat::F16, RowFormat::F32];

    /// The name that [`FromStr`] reads and the database's manifest keeps.
    pub fn name(self) -> &'static str {
        match self {
            RowFormat::F16 => "f16",
            RowFormat::F32 => "f32",
        }
    }

    /// Bytes a value takes.
    pub const fn bytes_per_value(self) -> usize {
        match self {
            RowFormat::F16 => 2,
            RowFormat::F32 => 4,
        }
    }

    /// The stored form of `vector`.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`]; [`Error::NotFinite`] for a value that is not finite in this format: beyond 65,504 in `f16` too.
    pub fn encode(self, vector: &[f32]) -> Result<Vec<u8>> {
        check_dimension(vector.len())?;
        check_finite(vector)?;
        match self {
            RowFormat::F16 => {
                let mut halves = vec![f16::ZERO; vector.len()];
                halves.convert_from_f32_slice(vector);
                match halves.iter().position(|value| !value.is_finite()) {
                    Some(position) => Err(Error::NotFinite { position }),
                    None => Ok(halves.into_iter().flat_map(f16::to_le_bytes).collect()),
                }
            }
            RowFormat::F32 => Ok(vector.iter().flat_map(|value| value.to_le_bytes()).collect()),
        }
    }

    /// Reads a row of `dimension` values back.
    ///
    /// # Errors
    /// [`Error::UnsupportedDimension`]; [`Error::DimensionMismatch`] for a row of another length; [`Error::Damaged`] for bytes that are no
    /// whole number of values; [`Error::NotFinite`].
    pub fn decode(self, bytes: &[u8], dimension: usize) -> Result<Vec<f32>> {
        check_dimension(dimension)?;
        if !bytes.len().is_multiple_of(self.bytes_per_value()) {
            let reason = format!("{} bytes are no whole number of {self} values", bytes.len());
            return Err(Error::Damaged { path: "a vector's row".into(), reason });
        }
        let found = bytes.len() / self.bytes_per_value();
        if found != dimension {
            return Err(Error::DimensionMismatch { expected: dimension, found });
        }
        let mut vector = vec![0.0; dimension];
        match self {
            RowFormat::F16 => decode_f16(bytes, &mut vector),
            RowFormat::F32 => {
                for (value, bytes) in vector.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
        }
        check_finite(&vector)?;
        Ok(vector)
    }
}

/// Through a buffer that stays in the first cache level; `half` picks the conversion instruction at run time.
fn decode_f16(bytes: &[u8], vector: &mut [f32]) {
    const AT_ONCE: usize = 256;
    let mut halves = [f16::ZERO; AT_ONCE];
    for (bytes, values) in bytes.chunks(2 * AT_ONCE).zip(vector.chunks_mut(AT_ONCE)) {
        for (half, bytes) in halves.iter_mut().zip(bytes.as_chunks().0) {
            *half = f16::from_le_bytes(*bytes);
        }
        halves[..values.len()].convert_to_f32_slice(values);
    }
}

impl fmt::Display for RowFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for RowFormat {
    type Err = UnknownName;

    fn from_str(name: &str) -> std::result::Result<Self, UnknownName> {
        RowFormat::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownName {
            what: "row format",
            found: name.to_owned(),
            known: RowFormat::ALL.map(RowFormat::name).to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_back() {
        for format in RowFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("f8".parse::<RowFormat>().unwrap_err().to_string().contains("f16, f32"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(RowFormat::F16.encode(&[1.0, 65_520.0]), Err(Error::NotFinite { position: 1 })));
        assert!(RowFormat::F16.encode(&[65_504.0]).is_ok());
        assert!(RowFormat::F32.encode(&[1e30]).is_ok());
        assert!(matches!(RowFormat::F32.encode(&[f32::INFINITY]), Err(Error::NotFinite { position: 0 })));
        assert!(matches!(RowFormat::F32.decode(&[0; 7], 2), Err(Error::Damaged { .. })));
        assert!(matches!(RowFormat::F16.decode(&[0; 8], 3), Err(Error::DimensionMismatch { expected: 3, found: 4 })));
        assert!(RowFormat::F16.decode(&f16::NAN.to_le_bytes(), 1).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_come_back(vector in prop::collection::vec(-2.0f32..2.0, 1..700)) {
            let exact = RowFormat::F32.decode(&RowFormat::F32.encode(&vector).unwrap(), vector.len()).unwrap();
            prop_assert_eq!(&exact, &vector);
            let halves = RowFormat::F16.decode(&RowFormat::F16.encode(&vector).unwrap(), vector.len()).unwrap();
            for (half, value) in halves.iter().zip(&vector) {
                prop_assert!((half - value).abs() <= value.abs() / 2048.0 + 6e-8);
            }
        }

        #[test]
        fn any_bytes_are_taken_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), dimension in 0usize..20) {
            for format in RowFormat::ALL {
                if let Ok(vector) = format.decode(&bytes, dimension) {
                    prop_assert_eq!(format.encode(&vector).unwrap(), &bytes[..]);
                }
            }
        }
    }
}
