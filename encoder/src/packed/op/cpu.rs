//! The operations in so many words. They are what the GPU's are measured against; speed is asked only of those that the other families use.

use candle_core::{DType, Device, Result, Tensor};

use super::rows::{map_rows, numbers};

#[cfg(any(feature = "cuda", test))]
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
    let (_, width) = qkv.dims2()?;
    let head_dim = width / heads / 3;
    let positions = positions.to_vec1::<u32>()?;
    let turned = numbers(table, |turns| {
        let angles = |row: usize| turns.chunks_exact(head_dim).nth(*positions.get(row)? as usize);
        map_rows(&qkv.to_dtype(DType::F32)?, width, |row, from, to| {
            to.copy_from_slice(from);
            let angles = angles(row).unwrap_or_default().as_chunks::<2>().0;
            let parts = to.chunks_exact_mut(head_dim).enumerate().filter(|(part, _)| part % 3 < 2);
            for (_, components) in parts {
                for (pair, [cos, sin]) in components.as_chunks_mut::<2>().0.iter_mut().zip(angles) {
                    let [even, odd] = *pair;
                    *pair = [even * cos - odd * sin, even * sin + odd * cos];
                }
            }
        })
    })?;
    turned.to_dtype(qkv.dtype())
}

#[cfg(any(feature = "cuda", test))]
pub(super) fn swiglu(both: &Tensor) -> Result<Tensor> {
    candle_nn::ops::swiglu(&both.to_dtype(DType::F32)?)?.to_dtype(both.dtype())
}

#[cfg_attr(not(any(feature = "cuda", test)), allow(dead_code))]
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
