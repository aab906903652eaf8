//! Where the encoder computes.
//!
//! Whether a GPU can be used is the build's affair and the machine's: the CPU build says which build it takes, and the GPU build falls
//! back to the CPU where it may, saying so, and says what is missing where it may not.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::gpu;

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

/// An opened device.
pub(crate) struct Place {
    pub(crate) device: candle_core::Device,
    /// Its name: [`Device::Cpu`] or [`Device::Cuda`].
    pub(crate) name: Device,
    /// What a user should hear about how it was chosen.
    pub(crate) notice: Option<String>,
}

impl Device {
    /// Opens the device of the tensor library.
    pub(crate) fn open(self) -> Result<Place> {
        let cpu = |notice| Place { device: candle_core::Device::Cpu, name: Self::Cpu, notice };
        let cuda = |ordinal| {
            let device = gpu::open(ordinal)?;
            Ok(Place { device, name: Self::Cuda(ordinal), notice: None })
        };
        match self {
            Self::Cpu => Ok(cpu(None)),
            Self::Auto if !gpu::BUILT => Ok(cpu(None)),
            Self::Auto => Ok(cuda(0).unwrap_or_else(|reason| cpu(Some(format!("{reason}: computing on the CPU"))))),
            Self::Cuda(ordinal) => {
                cuda(ordinal).map_err(|reason| Error::DeviceUnavailable { device: self.to_string(), reason })
            }
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
    fn cuda_says_what_is_missing() {
        let missing = match gpu::BUILT {
            true => "no GPU number 99",
            false => "--features cuda",
        };
        match Device::Cuda(99).open() {
            Err(error) => assert!(error.to_string().contains(missing), "{error}"),
            Ok(_) => panic!("there is no such device"),
        }
    }

    #[test]
    fn auto_always_finds_a_device() {
        let place = Device::Auto.open().unwrap();
        assert_eq!(place.name == Device::Cpu, place.device.is_cpu());
        assert_eq!(place.notice.is_some(), gpu::BUILT && place.device.is_cpu());
    }
}
