//! What only variants of the model need, put together from candle's operations in f32 on any device: right, and not fast.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use candle_core::{D, DType, Result, Tensor};

/// The rows of `x` in f32, with mean 0 and variance 1, and the inverse of what they were divided by.
fn standard(x: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
    let x = x.to_dtype(DType::F32)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let inverse = (centred.sqr()?.mean_keepdim(D::Minus1)? + f64::from(eps))?.sqrt()?.recip()?;
    Ok((centred.broadcast_mul(&inverse)?, inverse))
}

/// LayerNorm: `x` `(n, d)`, `weight` and `bias` `(d)` to `(n, d)`; for variants of the model.
#[allow(clippy::missing_errors_doc)]
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Result<Tensor> {
    let (standard, _) = standard(x, eps)?;
    let scaled = standard.broadcast_mul(&weight.to_dtype(DType::F32)?)?;
    scaled.broadcast_add(&bias.to_dtype(DType::F32)?)?.to_dtype(x.dtype())
}

/// Gradients of [`layer_norm`]: `dx` `(n, d)` with `carry` added, and those of weight and bias, `(d)` in f32.
#[allow(clippy::missing_errors_doc)]
pub fn layer_norm_backward(
    x: &Tensor,
    weight: &Tensor,
    dy: &Tensor,
    carry: Option<&Tensor>,
    eps: f32,
) -> Result<(Tensor, Tensor, Tensor)> {
    let (standard, inverse) = standard(x, eps)?;
    let dy = dy.to_dtype(DType::F32)?;
    let (dweight, dbias) = ((&dy * &standard)?.sum(0)?, dy.sum(0)?);
    let scaled = dy.broadcast_mul(&weight.to_dtype(DType::F32)?)?;
    let along = (&scaled * &standard)?.mean_keepdim(D::Minus1)?;
    let left = scaled.broadcast_sub(&scaled.mean_keepdim(D::Minus1)?)?;
    let mut dx = (left - standard.broadcast_mul(&along)?)?.broadcast_mul(&inverse)?;
    if let Some(carry) = carry {
        dx = (dx + carry.to_dtype(DType::F32)?)?;
    }
    Ok((dx.to_dtype(x.dtype())?, dweight, dbias))
}

/// GELU of every element; for variants of the model.
#[allow(clippy::missing_errors_doc)]
pub fn gelu(u: &Tensor) -> Result<Tensor> {
    u.to_dtype(DType::F32)?.gelu_erf()?.to_dtype(u.dtype())
}

/// Gradient of [`gelu`]: `Φ(u) + u φ(u)` times that of its result.
#[allow(clippy::missing_errors_doc)]
pub fn gelu_backward(u: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let wide = u.to_dtype(DType::F32)?;
    let below = (&wide * FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?;
    let density = ((wide.sqr()? * -0.5)?.exp()? * (FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0))?;
    let slope = (below + (&wide * density)?)?;
    (slope * dy.to_dtype(DType::F32)?)?.to_dtype(u.dtype())
}
