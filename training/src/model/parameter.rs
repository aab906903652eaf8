//! One weight and everything that belongs to it: moments, gradient, and the copy that is computed with.

use candle_core::{DType, Device, Result, Tensor};

use crate::op::{self, AdamwStep};

/// What is computed in; weights, moments and gradients are always summed in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats, the only choice on the CPU.
    F32,
    /// bfloat16 activations and copies of the weights.
    Bf16,
}

impl Precision {
    /// The tensor library's word for it.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// A parameter in training.
#[derive(Clone, Debug)]
pub struct Parameter {
    name: String,
    /// `(3, count)` in f32: weights, first moments, second moments.
    state: Tensor,
    /// What is computed with: in f32 a view of the state's first row, else a copy.
    weight: Tensor,
    /// `(count)` in f32.
    grad: Tensor,
    copied: bool,
}

impl Parameter {
    /// A parameter that starts at `values`, with moments at zero.
    ///
    /// # Errors
    /// candle's, where `values` do not fill `shape` or the device refuses.
    pub fn new(
        name: impl Into<String>,
        values: Vec<f32>,
        shape: &[usize],
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        let count = values.len();
        let moments = vec![0.0_f32; 2 * count];
        let state = Tensor::from_vec([values, moments].concat(), (3, count), device)?;
        let master = state.narrow(0, 0, 1)?.reshape(shape)?;
        let copied = precision == Precision::Bf16;
        let weight = match copied {
            true => master.to_dtype(precision.dtype())?,
            false => master,
        };
        Ok(Self { name: name.into(), state, weight, grad: Tensor::zeros(count, DType::F32, device)?, copied })
    }

    /// Its name in a checkpoint.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.weight.dims()
    }

    /// The weight in the precision of the computation.
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The weight in f32, flat.
    ///
    /// # Errors
    /// candle's.
    pub fn master(&self) -> Result<Tensor> {
        self.state.narrow(0, 0, 1)?.flatten_all()
    }

    /// Weights, first and second moments, one after the other.
    #[must_use]
    pub fn state(&self) -> &Tensor {
        &self.state
    }

    /// Puts a state saved before in the place of this one.
    ///
    /// # Errors
    /// candle's, where the size differs.
    pub fn restore(&self, state: Vec<f32>) -> Result<()> {
        let state = Tensor::from_vec(state, self.state.shape(), self.state.device())?;
        op::cast_into(&self.state, &state)?;
        self.refresh()
    }

    /// The sum of gradients, `(count)` in f32.
    #[must_use]
    pub fn grad(&self) -> &Tensor {
        &self.grad
    }

    /// Adds `gradient`, of any shape with as many elements, to the sum.
    ///
    /// # Errors
    /// candle's.
    pub fn add_grad(&self, gradient: &Tensor) -> Result<()> {
        op::accumulate(&self.grad, gradient, 1.0)
    }

    /// Takes a step and empties the sum of gradients.
    ///
    /// # Errors
    /// candle's.
    pub fn step(&mut self, step: &AdamwStep) -> Result<()> {
        op::adamw(&self.state, &self.grad, step)?;
        self.refresh()?;
        self.clear_grad()
    }

    /// Empties the sum of gradients.
    ///
    /// # Errors
    /// candle's.
    pub fn clear_grad(&mut self) -> Result<()> {
        self.grad.zero_set()
    }

    fn refresh(&self) -> Result<()> {
        match self.copied {
            true => op::cast_into(&self.weight, &self.master()?),
            false => Ok(()),
        }
    }
}
