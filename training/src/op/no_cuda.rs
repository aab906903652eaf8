//! What stands in for the GPU in a build without it: nothing can be on a GPU here, so nothing gets this far.

use candle_core::{Device, Error, Result, Tensor};

use super::AdamwStep;

fn absent<T>() -> Result<T> {
    Err(Error::NotCompiledWithCudaSupport)
}

pub(super) fn prepare_device(_: &Device) -> Result<()> {
    absent()
}

pub(super) fn rms_norm(_: &Tensor, _: &Tensor, _: f32) -> Result<Tensor> {
    absent()
}

pub(super) fn rms_norm_backward(
    _: &Tensor,
    _: &Tensor,
    _: &Tensor,
    _: Option<&Tensor>,
    _: f32,
) -> Result<(Tensor, Tensor)> {
    absent()
}

pub(super) fn swiglu(_: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn swiglu_backward(_: &Tensor, _: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn embed(_: &Tensor, _: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn embed_backward(_: &Tensor, _: &Tensor, _: usize, _: u32) -> Result<Tensor> {
    absent()
}

pub(super) fn attention(_: &Tensor, _: &Tensor, _: &Tensor, _: usize, _: usize) -> Result<(Tensor, Vec<Tensor>)> {
    absent()
}

pub(super) fn attention_backward(
    _: &Tensor,
    _: &[Tensor],
    _: &Tensor,
    _: &Tensor,
    _: &Tensor,
    _: usize,
    _: usize,
) -> Result<Tensor> {
    absent()
}

pub(super) fn cross_entropy(_: &Tensor, _: &Tensor, _: &Tensor, _: f32) -> Result<(Tensor, Tensor, Tensor)> {
    absent()
}

pub(super) fn column_sum(_: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn span_mean(_: &Tensor, _: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn span_mean_backward(_: &Tensor, _: &Tensor, _: &Tensor) -> Result<Tensor> {
    absent()
}

pub(super) fn accumulate(_: &Tensor, _: &Tensor, _: f32) -> Result<()> {
    absent()
}

pub(super) fn adamw(_: &Tensor, _: &Tensor, _: &AdamwStep) -> Result<()> {
    absent()
}

pub(super) fn cast_into(_: &Tensor, _: &Tensor) -> Result<()> {
    absent()
}

pub(super) fn square_sum(_: &Tensor) -> Result<Tensor> {
    absent()
}
