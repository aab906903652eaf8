//! What is changed in place: sums of gradients and the weights themselves.

use std::cell::Cell;

use candle_core::{CpuStorage, Error, InplaceOp1, InplaceOp2, Layout, Result, Tensor};
use rayon::prelude::*;

use super::view::floats;
use super::wide;
use crate::op::AdamwStep;

const ELEMENTS: usize = 16_384;

/// See [`crate::op::accumulate`].
pub(in crate::op) fn accumulate(sum: &Tensor, x: &Tensor, scale: f32) -> Result<()> {
    sum.inplace_op2(x, &Update(|sum: &mut [f32], x: &[f32]| wide::add_times(sum, x, scale)))
}

/// See [`crate::op::cast_into`].
pub(in crate::op) fn cast_into(into: &Tensor, from: &Tensor) -> Result<()> {
    into.inplace_op2(from, &Update(|into: &mut [f32], from: &[f32]| into.copy_from_slice(from)))
}

/// See [`crate::op::adamw`].
pub(in crate::op) fn adamw(state: &Tensor, grad: &Tensor, step: &AdamwStep) -> Result<()> {
    state.inplace_op2(grad, &Adamw(*step))
}

/// See [`crate::op::square_sum`]. In f64 and in a fixed order: clipping by it must not depend on the threads.
pub(in crate::op) fn square_sum(x: &Tensor) -> Result<Tensor> {
    let partial: Vec<f64> = floats(x)?.par_chunks(ELEMENTS).map(wide::exact_square_sum).collect();
    Tensor::new(partial.iter().sum::<f64>() as f32, x.device())
}

/// See [`crate::op::column_sum`].
pub(in crate::op) fn column_sum(x: &Tensor) -> Result<Tensor> {
    let (_, columns) = x.dims2()?;
    let x = floats(x)?;
    let mut sums = vec![0.0_f32; columns];
    for row in x.chunks_exact(columns.max(1)) {
        wide::add(&mut sums, row);
    }
    Tensor::from_vec(sums, columns, &candle_core::Device::Cpu)
}

/// `f(into, from)` on stretches of two tensors of the same size.
struct Update<F>(F);

impl<F: Fn(&mut [f32], &[f32]) + Sync> InplaceOp2 for Update<F> {
    fn name(&self) -> &'static str {
        "update"
    }

    fn cpu_fwd(&self, into: &mut CpuStorage, l1: &Layout, from: &CpuStorage, l2: &Layout) -> Result<()> {
        let (into, from) = pair(into, l1, from, l2)?;
        if into.len() != from.len() {
            return Err(Error::Msg(format!("{} elements for {}", from.len(), into.len())).bt());
        }
        into.par_chunks_mut(ELEMENTS).zip(from.par_chunks(ELEMENTS)).for_each(|(into, from)| (self.0)(into, from));
        Ok(())
    }
}

struct Adamw(AdamwStep);

impl InplaceOp2 for Adamw {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, state: &mut CpuStorage, l1: &Layout, grad: &CpuStorage, l2: &Layout) -> Result<()> {
        let (state, grad) = pair(state, l1, grad, l2)?;
        let count = grad.len();
        if state.len() != 3 * count {
            return Err(Error::Msg(format!("a state of {} for {count} gradients", state.len())).bt());
        }
        let (weights, moments) = state.split_at_mut(count);
        let (first, second) = moments.split_at_mut(count);
        weights
            .par_chunks_mut(ELEMENTS)
            .zip(first.par_chunks_mut(ELEMENTS))
            .zip(second.par_chunks_mut(ELEMENTS))
            .zip(grad.par_chunks(ELEMENTS))
            .for_each(|(((weights, first), second), grad)| wide::adamw(weights, first, second, grad, &self.0));
        Ok(())
    }
}

/// Lets `f` change the values of a contiguous tensor in f32.
pub(super) fn change(tensor: &Tensor, f: impl FnOnce(&mut [f32])) -> Result<()> {
    tensor.inplace_op1(&Change(Cell::new(Some(f))))
}

struct Change<F>(Cell<Option<F>>);

impl<F: FnOnce(&mut [f32])> InplaceOp1 for Change<F> {
    fn name(&self) -> &'static str {
        "change"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let range = layout.contiguous_offsets();
        match (storage, range, self.0.take()) {
            (CpuStorage::F32(values), Some((start, end)), Some(f)) => {
                f(values.get_mut(start..end).unwrap_or_default());
                Ok(())
            }
            _ => Err(Error::Msg("a contiguous tensor in f32 is wanted".to_owned()).bt()),
        }
    }
}

fn pair<'a>(
    into: &'a mut CpuStorage,
    l1: &Layout,
    from: &'a CpuStorage,
    l2: &Layout,
) -> Result<(&'a mut [f32], &'a [f32])> {
    let offsets =
        |l: &Layout| l.contiguous_offsets().ok_or_else(|| Error::Msg("a contiguous tensor is wanted".to_owned()).bt());
    let ((a, b), (c, d)) = (offsets(l1)?, offsets(l2)?);
    match (into, from) {
        (CpuStorage::F32(into), CpuStorage::F32(from)) => {
            let wrong = || Error::Msg("a tensor is larger than its storage".to_owned()).bt();
            Ok((into.get_mut(a..b).ok_or_else(wrong)?, from.get(c..d).ok_or_else(wrong)?))
        }
        _ => Err(Error::Msg("two f32 tensors are wanted".to_owned()).bt()),
    }
}
