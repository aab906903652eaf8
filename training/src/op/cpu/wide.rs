//! Loops compiled for the widest vectors the machine has, chosen when they run: a build for any x86-64 would otherwise use four floats at a
//! time where there are instructions for sixteen. What is computed, and in which order, is the same.
#![allow(unsafe_code)]

/// Functions whose bodies are compiled once for AVX-512, once for AVX2 and once for any machine.
macro_rules! wide {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$meta])*
        pub(super) fn $name($($arg: $type),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($arg: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
                fn avx512($($arg: $type),*) $(-> $result)? {
                    plain($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $result)? {
                    plain($($arg),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                {
                    // SAFETY: the instructions it is compiled for have just been found.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    )*};
}

use super::exp::exp;
use crate::op::AdamwStep;

/// Sums are kept in so many lanes, whatever the vectors: the order of additions decides the last bits.
const LANES: usize = 16;

wide! {
    /// `y = x * factor * weight`.
    fn scaled(y: &mut [f32], x: &[f32], factor: f32, weight: &[f32]) {
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = x * factor * w;
        }
    }

    /// The sum of squares.
    fn square_sum(x: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (chunks, rest) = x.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane += x * x;
            }
        }
        lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
    }

    /// The sum of squares in f64.
    fn exact_square_sum(x: &[f32]) -> f64 {
        let mut lanes = [0.0_f64; LANES];
        let (chunks, rest) = x.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(*x) * f64::from(*x);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>()
    }

    /// An AdamW step of weights with their moments.
    fn adamw(weights: &mut [f32], first: &mut [f32], second: &mut [f32], grad: &[f32], step: &AdamwStep) {
        let AdamwStep { lr, beta1, beta2, eps, weight_decay, correction1, correction2, grad_scale } = *step;
        for (((w, m), v), g) in weights.iter_mut().zip(first).zip(second).zip(grad) {
            let g = g * grad_scale;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            let update = (*m / correction1) / ((*v / correction2).sqrt() + eps);
            *w = *w * (1.0 - lr * weight_decay) - lr * update;
        }
    }

    /// The sum of products of three.
    fn triple_sum(x: &[f32], y: &[f32], z: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (x, y, z) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>(), z.as_chunks::<LANES>());
        for ((x, y), z) in x.0.iter().zip(y.0).zip(z.0) {
            for (((lane, x), y), z) in lanes.iter_mut().zip(x).zip(y).zip(z) {
                *lane += x * y * z;
            }
        }
        let rest: f32 = x.1.iter().zip(y.1).zip(z.1).map(|((x, y), z)| x * y * z).sum();
        lanes.iter().sum::<f32>() + rest
    }

    /// `dx += inverse * (w * dy - x * projection)` and `dw += dy * x * inverse`.
    fn norm_gradients(dx: &mut [f32], dw: &mut [f32], x: &[f32], dy: &[f32], weight: &[f32], inverse: f32, projection: f32) {
        for ((((dx, dw), x), dy), w) in dx.iter_mut().zip(dw).zip(x).zip(dy).zip(weight) {
            *dx += inverse * (w * dy - x * projection);
            *dw += dy * x * inverse;
        }
    }

    /// `y = silu(gate) * value`.
    fn gated(y: &mut [f32], gate: &[f32], value: &[f32]) {
        for ((y, g), v) in y.iter_mut().zip(gate).zip(value) {
            *y = g / (1.0 + exp(-g)) * v;
        }
    }

    /// Gradients of [`gated`].
    fn gated_gradients(dgate: &mut [f32], dvalue: &mut [f32], gate: &[f32], value: &[f32], dy: &[f32]) {
        for ((((dg, dv), g), v), dy) in dgate.iter_mut().zip(dvalue).zip(gate).zip(value).zip(dy) {
            let sigmoid = 1.0 / (1.0 + exp(-g));
            *dg = dy * v * sigmoid * (1.0 + g * (1.0 - sigmoid));
            *dv = dy * g * sigmoid;
        }
    }

    /// `y = x + bias`, and the largest.
    fn biased(y: &mut [f32], x: &[f32], bias: &[f32]) -> f32 {
        for ((y, x), b) in y.iter_mut().zip(x).zip(bias) {
            *y = x + b;
        }
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (chunks, rest) = y.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = if *x > *lane { *x } else { *lane };
            }
        }
        lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The largest.
    fn highest(x: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (chunks, rest) = x.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = if *x > *lane { *x } else { *lane };
            }
        }
        lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// Turns numbers into exponentials of what they are above `away`, and gives their sum.
    fn exponentials(x: &mut [f32], away: f32) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (chunks, rest) = x.as_chunks_mut::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *x = exp(*x - away);
                *lane += *x;
            }
        }
        let mut sum = lanes.iter().sum::<f32>();
        for x in rest {
            *x = exp(*x - away);
            sum += *x;
        }
        sum
    }

    /// `x *= factor`.
    fn times(x: &mut [f32], factor: f32) {
        x.iter_mut().for_each(|x| *x *= factor);
    }

    /// Scores become probabilities by their row's logarithm, and the gradients of those become the gradients of the scores.
    fn softmax_gradients(p: &mut [f32], dp: &mut [f32], log: f32, projection: f32) {
        for (p, dp) in p.iter_mut().zip(dp) {
            *p = exp(*p - log);
            *dp = *p * (*dp - projection);
        }
    }

    /// The sum of products.
    fn dot(x: &[f32], y: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        let (x, y) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
        for (x, y) in x.0.iter().zip(y.0) {
            for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
                *lane += x * y;
            }
        }
        lanes.iter().sum::<f32>() + x.1.iter().zip(y.1).map(|(x, y)| x * y).sum::<f32>()
    }

    /// Turns the interleaved pairs of a row by its position's angles, or back with `direction` -1.
    fn turn_row(row: &mut [f32], angles: &[f32], direction: f32) {
        for ([x, y], [cos, sin]) in row.as_chunks_mut::<2>().0.iter_mut().zip(angles.as_chunks::<2>().0) {
            let sin = sin * direction;
            (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
        }
    }

    /// `sum += x`.
    fn add(sum: &mut [f32], x: &[f32]) {
        sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
    }

    /// `sum += factor * x`.
    fn add_times(sum: &mut [f32], x: &[f32], factor: f32) {
        sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += factor * x);
    }
}
