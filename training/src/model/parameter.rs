//! One weight and everything that belongs to it: moments, gradient, and the copy that is computed with.

use candle_core::{DType, Device, Tensor};

use super::precision::Precision;
use crate::distributed::ProcessGroup;
use crate::error::Result;
use crate::op::{self, AdamwStep, Factors};

/// A parameter in training.
///
/// Where several ranks train one model, each keeps the master weights and moments of one part of it and takes the optimizer's step there
/// alone (ZeRO stage 1, Rajbhandari et al. 2020); the weights that are computed with are whole everywhere.
#[derive(Clone, Debug)]
pub struct Parameter {
    name: String,
    shape: Vec<usize>,
    /// `(3, part)` in f32: weights, first moments, second moments; the whole, or this rank's part, filled up with zeros at the end.
    state: Tensor,
    /// What is computed with: in f32 a view of the state's first row where that is whole, else a copy.
    weight: Tensor,
    /// As many f32 as all parts together.
    sums: Tensor,
    /// Those of them that are gradients, `(count)`.
    grad: Tensor,
    dtype: DType,
    factors: Factors,
    parted: bool,
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
        let weight = match precision {
            Precision::Bf16 => master.to_dtype(precision.dtype())?,
            Precision::F32 | Precision::Bf16x2 => master,
        };
        let sums = Tensor::zeros(count, DType::F32, device)?;
        let (grad, dtype, shape) = (sums.clone(), precision.dtype(), shape.to_vec());
        let factors = precision.factors();
        Ok(Self { name: name.into(), shape, state, weight, sums, grad, dtype, factors, parted: false })
    }

    /// Keeps of weights and moments only what `rank` of `world` is responsible for.
    ///
    /// # Errors
    /// candle's.
    pub(crate) fn part(&mut self, rank: usize, world: usize) -> Result<()> {
        let count = self.grad.elem_count();
        let part = count.div_ceil(world);
        let device = self.state.device().clone();
        let filled = Tensor::cat(&[&self.state, &Tensor::zeros((3, part * world - count), DType::F32, &device)?], 1)?;
        // Both are copies, so that the whole state can go.
        self.weight = self.weight.copy()?;
        self.state = filled.narrow(1, rank * part, part)?.copy()?.contiguous()?;
        self.sums = Tensor::zeros(part * world, DType::F32, &device)?;
        self.grad = self.sums.narrow(0, 0, count)?;
        self.parted = true;
        Ok(())
    }

    /// Its name in a checkpoint.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The weight in the precision of the computation.
    #[must_use]
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// How a CPU reads it in products.
    #[must_use]
    pub fn factors(&self) -> Factors {
        self.factors
    }

    /// Weights, first and second moments, one after the other: `(3, part)` in f32.
    #[must_use]
    pub fn state(&self) -> &Tensor {
        &self.state
    }

    /// The weights in f32, flat: of a parameter that has been parted, this rank's.
    ///
    /// # Errors
    /// candle's.
    pub fn master(&self) -> Result<Tensor> {
        Ok(self.state.narrow(0, 0, 1)?.flatten_all()?)
    }

    /// Row `row` of the state, of all ranks together, flat: 0 for the weights in f32, 1 and 2 for the moments. All ranks must ask.
    ///
    /// # Errors
    /// Those of the group, and candle's.
    pub fn whole(&self, row: usize, group: &dyn ProcessGroup) -> Result<Tensor> {
        let own = self.state.get(row)?;
        match self.parted {
            true => Ok(group.all_gather(&own)?.narrow(0, 0, self.grad.elem_count())?),
            false => Ok(own),
        }
    }

    /// Puts a whole state saved before in the place of this one.
    ///
    /// # Errors
    /// candle's, where the size differs or the parameter has been parted.
    pub fn restore(&self, state: Vec<f32>) -> Result<()> {
        let state = Tensor::from_vec(state, self.state.shape(), self.state.device())?;
        op::cast_into(&self.state, &state)?;
        if self.dtype != DType::F32 {
            op::cast_into(&self.weight, &self.master()?)?;
        }
        Ok(())
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
    pub fn add_grad(&self, gradient: &Tensor) -> candle_core::Result<()> {
        op::accumulate(&self.grad, gradient, 1.0)
    }

    /// Adds the product of `a` `(m, k)` and `b` `(k, n)`, as many elements, to the sum.
    ///
    /// # Errors
    /// candle's.
    pub(super) fn add_grad_product(&self, a: &Tensor, b: &Tensor) -> candle_core::Result<()> {
        op::add_matmul(&self.grad, a, b, self.factors)
    }

    /// The gradients of this rank's part, added up over all ranks, flat.
    ///
    /// # Errors
    /// Those of the group.
    pub(crate) fn reduced(&self, group: &dyn ProcessGroup) -> Result<Tensor> {
        group.reduce_scatter(&self.sums)
    }

    /// Takes a step by `gradient`, as [`Parameter::reduced`] gave it, and empties the sum of gradients. All ranks must.
    ///
    /// # Errors
    /// Those of the group, and candle's.
    pub(crate) fn step(&mut self, step: &AdamwStep, gradient: &Tensor, group: &dyn ProcessGroup) -> Result<()> {
        op::adamw(&self.state, gradient, step)?;
        let master = self.master()?;
        if self.parted {
            let all = group.all_gather(&master.to_dtype(self.dtype)?)?;
            self.weight = all.narrow(0, 0, self.grad.elem_count())?.reshape(self.shape.as_slice())?;
        } else if self.dtype != DType::F32 {
            op::cast_into(&self.weight, &master)?;
        }
        self.clear_grad()
    }

    /// Empties the sum of gradients.
    ///
    /// # Errors
    /// candle's.
    pub fn clear_grad(&mut self) -> Result<()> {
        Ok(self.sums.zero_set()?)
    }
}
