//! What stands in for the GPU in a build without it: it says what to build, and nothing gets further.

use candle_core::Device;

use crate::architecture::Architecture;
use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::precision::Precision;
use crate::weights::Weights;

/// Whether this build can use a GPU.
pub(crate) const BUILT: bool = false;

const REASON: &str = "this is the CPU build; use `--device cpu`, or build with `--features cuda,flash-attn`";

pub(crate) fn open(_: usize) -> Result<Device, String> {
    Err(REASON.to_owned())
}

/// Never reached: no device was opened.
pub(crate) fn load(
    _: &Weights<'_>,
    _: &Architecture,
    _: &Device,
    ordinal: usize,
    _: Precision,
) -> Result<Box<dyn Backend>> {
    Err(Error::DeviceUnavailable { device: crate::Device::Cuda(ordinal).to_string(), reason: REASON.to_owned() })
}

/// Never reached: no tensor is on a GPU.
pub(crate) mod op {
    #[cfg(test)]
    use candle_core::DType;
    use candle_core::{Error, Result, Tensor};

    #[cfg(test)]
    pub(crate) fn add_norm(_: Tensor, _: Option<&Tensor>, _: &Tensor, _: f32, _: DType) -> Result<(Tensor, Tensor)> {
        Err(Error::NotCompiledWithCudaSupport)
    }

    pub(crate) fn rotate(_: Tensor, _: &Tensor, _: &Tensor, _: usize) -> Result<Tensor> {
        Err(Error::NotCompiledWithCudaSupport)
    }

    #[cfg(test)]
    pub(crate) fn swiglu(_: &Tensor) -> Result<Tensor> {
        Err(Error::NotCompiledWithCudaSupport)
    }

    pub(crate) fn span_means(_: &Tensor, _: &Tensor) -> Result<Tensor> {
        Err(Error::NotCompiledWithCudaSupport)
    }
}

/// Never reached: no device was opened.
pub(crate) mod nearest {
    use std::ops::Range;

    use candle_core::{Device, Error, Result};

    use crate::nearest::Terms;

    pub(crate) struct Rows;

    impl Rows {
        pub(crate) fn new(_: Device, _: f32) -> Self {
            Self
        }

        pub(crate) fn push(&mut self, _: &[i8], _: &[Terms]) -> Result<()> {
            Err(Error::NotCompiledWithCudaSupport)
        }

        pub(crate) fn nearest(&self, _: Range<usize>, _: usize) -> Result<Vec<u32>> {
            Err(Error::NotCompiledWithCudaSupport)
        }
    }
}

/// Never reached: attention goes by buckets.
pub(crate) mod flash {
    use candle_core::{DType, Error, Result, Tensor};

    pub(crate) fn takes(_: usize, _: DType) -> bool {
        false
    }

    pub(crate) fn attend(_: &Tensor, _: &Tensor, _: usize, _: usize) -> Result<Tensor> {
        Err(Error::NotCompiledWithCudaSupport)
    }
}
