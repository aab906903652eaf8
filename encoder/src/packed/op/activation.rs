//! What is between the two products of the other families' feed-forward parts.
//!
//! On a processor by loops of our own: the error function of candle's GELU is exact to the last bit of an f64 and takes as long as the
//! products around it. The one here is within 2e-7, which is what f32 resolves near 1.

use candle_core::{DType, Result, Tensor};

use super::rows::map_rows;
use crate::family::Activation;

/// `x` `(rows, width)` through the activation; `gated`, its first half through the activation and times the second,
/// `(rows, width / 2)`.
pub(crate) fn activate(x: &Tensor, activation: Activation, gated: bool) -> Result<Tensor> {
    let (_, width) = x.dims2()?;
    if x.device().is_cpu() && x.dtype() == DType::F32 {
        return match activation {
            Activation::Gelu => loops(x, gated, gelu),
            Activation::GeluTanh => loops(x, gated, gelu_tanh),
            Activation::Silu => loops(x, gated, silu),
            Activation::Relu => loops(x, gated, |x| x.max(0.0)),
        };
    }
    let apply = |x: &Tensor| match activation {
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::Silu => x.silu(),
        Activation::Relu => x.relu(),
    };
    match gated {
        true => {
            apply(&x.narrow(1, 0, width / 2)?.contiguous()?)?.mul(&x.narrow(1, width / 2, width / 2)?.contiguous()?)
        }
        false => apply(x),
    }
}

fn loops(x: &Tensor, gated: bool, f: impl Fn(f32) -> f32 + Sync) -> Result<Tensor> {
    let (_, width) = x.dims2()?;
    match gated {
        true => map_rows(x, width / 2, |_, from, to| {
            let (first, second) = from.split_at(width / 2);
            to.iter_mut().zip(first.iter().zip(second)).for_each(|(to, (&first, &second))| *to = f(first) * second);
        }),
        false => map_rows(x, width, |_, from, to| to.iter_mut().zip(from).for_each(|(to, &from)| *to = f(from))),
    }
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f32) -> f32 {
    const ROOT: f32 = 0.797_884_6; // sqrt(2 / pi)
    let inner = ROOT * (x + 0.044_715 * x * x * x);
    // (1 + tanh y) / 2 = 1 / (1 + e^-2y)
    x / (1.0 + exp(-2.0 * inner))
}

fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// Abramowitz and Stegun, 7.1.26.
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let sum =
        [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6].iter().fold(1.061_405_4, |sum, next| sum * t + next);
    (1.0 - sum * t * exp(-size * size)).copysign(x)
}

/// `e^x` within 2e-7 of itself, without a branch, so that loops over it become vector instructions.
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the integer part in the low bits
    let x = x.clamp(-87.0, 88.0) * std::f32::consts::LOG2_E;
    let shifted = x + ROUND;
    let part = (x - (shifted - ROUND)) * std::f32::consts::LN_2;
    let series = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let power = series.iter().fold(1.0 / 720.0, |sum, next| sum * part + next);
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use candle_core::Device;

    #[test]
    fn activations_are_those_of_the_library() {
        let values: Vec<f32> = (-4_000..4_000).map(|i| i as f32 / 300.0).collect();
        let x = Tensor::from_vec(values, (80, 100), &Device::Cpu).unwrap();
        let exact = |f: fn(&Tensor) -> Result<Tensor>| f(&x.to_dtype(DType::F64).unwrap()).unwrap();
        for (activation, expected) in [
            (Activation::Gelu, exact(Tensor::gelu_erf)),
            (Activation::GeluTanh, exact(Tensor::gelu)),
            (Activation::Silu, exact(Tensor::silu)),
            (Activation::Relu, exact(Tensor::relu)),
        ] {
            let found = activate(&x, activation, false).unwrap().to_dtype(DType::F64).unwrap();
            let off = (found - &expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
            assert!(off < 3e-6, "{activation:?} is off by {off:e}");
            let gated = activate(&x, activation, true).unwrap().to_dtype(DType::F64).unwrap();
            let factor = x.narrow(1, 50, 50).unwrap().to_dtype(DType::F64).unwrap();
            let off = (gated - (expected.narrow(1, 0, 50).unwrap() * factor).unwrap()).unwrap().abs().unwrap();
            assert!(off.max_all().unwrap().to_scalar::<f64>().unwrap() < 3e-5);
        }
    }
}
