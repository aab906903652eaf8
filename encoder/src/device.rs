//! Where the encoder computes.
//!
//! Only the CPU is built so far. The other names parse, so that asking for them ends in an answer that says which build it
//! takes and not in a complaint about spelling.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A device as people name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The fastest there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The CUDA device of this number, from 0.
    Cuda(usize),
}

impl Device {
    /// The device of the tensor library.
    pub(crate) fn open(self) -> Result<candle_core::Device> {
        match self {
            Self::Auto | Self::Cpu => Ok(candle_core::Device::Cpu),
            Self::Cuda(_) => Err(Error::DeviceUnavailable {
                device: self.to_string(),
                reason: "this is the CPU build; use `--device cpu`, or build with `--features cuda,flash-attn`",
            }),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.strip_prefix("cuda:").map(str::parse);
        match (text, number) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(number))) => Ok(Self::Cuda(number)),
            _ => Err(Error::InvalidDevice { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for (text, device) in [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda:3", Device::Cuda(3))] {
            assert_eq!(text.parse::<Device>().unwrap(), device);
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for text in ["", "gpu", "cuda:", "cuda:x", "CPU"] {
            assert!(matches!(text.parse::<Device>(), Err(Error::InvalidDevice { .. })), "{text}");
        }
    }

    #[test]
    fn cuda_says_which_build_it_takes() {
        let error = Device::Cuda(0).open().unwrap_err();
        assert!(error.to_string().contains("--features cuda"), "{error}");
    }
}
