//! The operations in so many words. They are what the GPU's are measured against, and no speed is asked of them.

use candle_core::{DType, Device, Result, Tensor};

pub(super) fn add_norm(
    stream: Tensor,
    addend: Option<&Tensor>,
    weight: &Tensor,
    eps: f32,
    dtype: DType,
) -> Result<(Tensor, Tensor)> {
    let stream = match addend {
        Some(addend) => (stream + addend.to_dtype(DType::F32)?)?,
        None => stream,
    };
    let normed = candle_nn::ops::rms_norm(&stream, weight, eps)?.to_dtype(dtype)?;
    Ok((stream, normed))
}

pub(super) fn rotate(qkv: Tensor, table: &Tensor, positions: &Tensor, heads: usize) -> Result<Tensor> {
    let (rows, width) = qkv.dims2()?;
    let head_dim = width / heads / 3;
    let pairs = qkv.to_dtype(DType::F32)?.reshape((rows, heads, 3, head_dim / 2, 2))?;
    let turns = table.index_select(positions, 0)?.reshape((rows, 1, 1, head_dim / 2, 2))?;
    let (cos, sin) = (turns.narrow(4, 0, 1)?, turns.narrow(4, 1, 1)?);
    let turned = pairs.narrow(2, 0, 2)?;
    let (even, odd) = (turned.narrow(4, 0, 1)?, turned.narrow(4, 1, 1)?);
    let new_even = (even.broadcast_mul(&cos)? - odd.broadcast_mul(&sin)?)?;
    let new_odd = (even.broadcast_mul(&sin)? + odd.broadcast_mul(&cos)?)?;
    let turned = Tensor::cat(&[new_even, new_odd], 4)?;
    Tensor::cat(&[turned, pairs.narrow(2, 2, 1)?], 2)?.reshape((rows, width))?.to_dtype(qkv.dtype())
}

pub(super) fn swiglu(both: &Tensor) -> Result<Tensor> {
    candle_nn::ops::swiglu(&both.to_dtype(DType::F32)?)?.to_dtype(both.dtype())
}

pub(super) fn span_means(states: &Tensor, spans: &Tensor) -> Result<Tensor> {
    let width = states.dim(1)?;
    let mean = |span: Vec<u32>| match span.as_slice() {
        [start, end] if start < end => states.narrow(0, *start as usize, (end - start) as usize)?.mean(0),
        _ => Tensor::zeros(width, DType::F32, &Device::Cpu),
    };
    let means: Vec<Tensor> = spans.to_vec2::<u32>()?.into_iter().map(mean).collect::<Result<_>>()?;
    match means.is_empty() {
        true => Tensor::zeros((0, width), DType::F32, &Device::Cpu),
        false => Tensor::stack(&means, 0),
    }
}
