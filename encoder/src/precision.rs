//! The numbers a model is computed in, which is not how its weights are stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a model computes in. Vectors of any precision of one model can be compared with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The fastest one that keeps vectors close to the exact ones (cosine 0.998 or more): [`Precision::Int8`] on a processor.
    #[default]
    Auto,
    /// Single precision: the exact path.
    F32,
    /// Half precision, on a GPU.
    F16,
    /// Half precision with the range of f32, on a GPU.
    Bf16,
    /// Products of 8-bit integers, on a processor.
    Int8,
}

impl Precision {
    const NAMES: [(&'static str, Self); 5] =
        [("auto", Self::Auto), ("f32", Self::F32), ("f16", Self::F16), ("bf16", Self::Bf16), ("int8", Self::Int8)];

    /// The error for a precision that the device or the model does not allow.
    pub(crate) fn unavailable(self, reason: &'static str) -> Error {
        Error::PrecisionUnavailable { precision: self.to_string(), reason }
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, precision)| precision).ok_or_else(|| Error::InvalidPrecision { found: text.to_owned() })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, precision)| precision == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for (name, precision) in Precision::NAMES {
            assert_eq!(name.parse::<Precision>().unwrap(), precision);
            assert_eq!(precision.to_string(), name);
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{name}\""));
        }
        for text in ["", "INT8", "fp32", "half"] {
            assert!(matches!(text.parse::<Precision>(), Err(Error::InvalidPrecision { .. })), "{text}");
        }
    }
}
