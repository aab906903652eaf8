//! What the passes through the model are computed in.

use candle_core::{DType, Device};

use crate::op::{self, Factors};

/// What is computed in; weights, moments and gradients are always summed in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// bfloat16 activations and copies of the weights; on a GPU.
    Bf16,
    /// 32-bit floats, of which products read each as the sum of two bfloat16; on a CPU. See [`Factors::Split`].
    Bf16x2,
}

impl Precision {
    /// What is quickest on a device without harm to what is learned: bf16 on a GPU, [`Precision::Bf16x2`] on a CPU with tile registers,
    /// else f32.
    #[must_use]
    pub fn best(device: &Device) -> Self {
        match (device.is_cpu(), op::splits()) {
            (false, _) => Self::Bf16,
            (true, true) => Self::Bf16x2,
            (true, false) => Self::F32,
        }
    }

    /// Its name in recipes and options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bf16x2 => "bf16x2",
        }
    }

    /// The tensor library's word for what tensors hold.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 | Self::Bf16x2 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }

    /// How a CPU reads the factors of products.
    #[must_use]
    pub fn factors(self) -> Factors {
        match self {
            Self::F32 | Self::Bf16 => Factors::Whole,
            Self::Bf16x2 => Factors::Split,
        }
    }
}
