//! What is done to one row of numbers at a time: norms, quantising, turning.

use super::exp::{ROUND, fused};
use super::lines::Codes;

/// Sums are kept in so many lanes: a zmm register, or several smaller ones.
const LANES: usize = 16;

/// `sqrt(mean(x^2) + eps)` is divided out and `weight` multiplied in; the result goes to codes. Gives what a code stands for, which is
/// NaN where a number was.
#[inline(always)]
pub(super) fn norm_to_codes<const FMA: bool>(row: &[f32], weight: &[f32], eps: f32, codes: &mut [Codes]) -> f32 {
    let mut squares = [0.0_f32; LANES];
    let mut largest = [0.0_f32; LANES];
    let (chunks, rest) = row[..weight.len()].as_chunks::<LANES>();
    let (weights, weights_rest) = weight.as_chunks::<LANES>();
    for (chunk, weights) in chunks.iter().zip(weights) {
        for i in 0..LANES {
            squares[i] = fused::<FMA>(chunk[i], chunk[i], squares[i]);
            let size = (chunk[i] * weights[i]).abs();
            largest[i] = if size > largest[i] { size } else { largest[i] };
        }
    }
    for (i, (x, weight)) in rest.iter().zip(weights_rest).enumerate() {
        squares[i] += x * x;
        largest[i] = largest[i].max((x * weight).abs());
    }
    let norm = 1.0 / (squares.iter().sum::<f32>() / weight.len() as f32 + eps).sqrt();
    let largest = largest.iter().fold(0.0_f32, |most, &size| most.max(size));
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let whole = row.as_chunks::<64>().0.iter().zip(codes.iter_mut());
    for (at, (row, codes)) in whole.enumerate() {
        let weights = weight.get(64 * at..).and_then(|weights| weights.first_chunk::<64>());
        match weights {
            Some(weights) => {
                for i in 0..64 {
                    codes.0[i] = to_code(row[i] * weights[i] * factor);
                }
            }
            None => {
                for i in 0..64 {
                    codes.0[i] = to_code(row[i] * weight.get(64 * at + i).unwrap_or(&0.0) * factor);
                }
            }
        }
    }
    largest * norm / 127.0
}

/// A row to codes, as it is.
#[inline(always)]
pub(super) fn to_codes(row: &[f32], codes: &mut [Codes]) -> f32 {
    let mut largest = [0.0_f32; LANES];
    for chunk in row.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            let size = chunk[i].abs();
            largest[i] = if size > largest[i] { size } else { largest[i] };
        }
    }
    let largest = largest.iter().fold(0.0_f32, |most, &size| most.max(size));
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (row, codes) in row.as_chunks::<64>().0.iter().zip(codes) {
        for i in 0..64 {
            codes.0[i] = to_code(row[i] * factor);
        }
    }
    largest / 127.0
}

/// A number in -127 to 127, rounded, plus 128.
#[inline(always)]
fn to_code(x: f32) -> u8 {
    (x + (ROUND + 128.0)).to_bits() as u8
}

/// The row over the root of its mean square, times `weight`, in place.
#[inline(always)]
pub(super) fn norm<const FMA: bool>(row: &mut [f32], weight: &[f32], eps: f32) {
    let mut squares = [0.0_f32; LANES];
    let row = &mut row[..weight.len()];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            squares[i] = fused::<FMA>(chunk[i], chunk[i], squares[i]);
        }
    }
    squares[0] += rest.iter().map(|x| x * x).sum::<f32>();
    let norm = 1.0 / (squares.iter().sum::<f32>() / weight.len() as f32 + eps).sqrt();
    for (x, weight) in row.iter_mut().zip(weight) {
        *x *= norm * weight;
    }
}

/// One head's query or key turned by its position, times `scale`. The even components are in the first half of `from`, the odd ones
/// in the second; so they stay.
#[inline(always)]
pub(super) fn turn(from: &[f32], (cos, sin): (&[f32], &[f32]), scale: f32, to: &mut [u16]) {
    let (even, odd) = from.split_at(cos.len());
    let (to_even, to_odd) = to.split_at_mut(cos.len());
    let turned = even.iter().zip(odd).zip(cos.iter().zip(sin));
    for (((even, odd), (cos, sin)), (to_even, to_odd)) in turned.zip(to_even.iter_mut().zip(to_odd)) {
        *to_even = to_half((even * cos - odd * sin) * scale);
        *to_odd = to_half((even * sin + odd * cos) * scale);
    }
}

/// Numbers to bf16.
#[inline(always)]
pub(super) fn to_halves(from: &[f32], to: &mut [u16]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = to_half(*from);
    }
}

/// bf16 is the upper half of an f32, rounded to nearest and even.
#[inline(always)]
pub(super) fn to_half(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits.wrapping_add(0x7fff + ((bits >> 16) & 1))) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::super::lines::zeros;
    use super::*;

    #[test]
    fn codes_are_within_half_a_step() {
        for width in [1, 15, 16, 64, 65, 100, 384] {
            let mut row: Vec<f32> = (0..width).map(|i| ((i * 37 + 11) % 101) as f32 / 10.0 - 5.0).collect();
            row.resize(row.len().next_multiple_of(64), 0.0);
            let weight: Vec<f32> = (0..width).map(|i| 0.5 + (i % 7) as f32 / 3.0).collect();
            let mut codes = zeros(row.len() / 64);
            let step = norm_to_codes::<false>(&row, &weight, 1e-5, &mut codes);
            let mut expected = row.clone();
            norm::<false>(&mut expected, &weight, 1e-5);
            let codes = codes.iter().flat_map(|line| line.0).map(|code| f32::from(code) - 128.0);
            for (i, (code, expected)) in codes.zip(&expected).enumerate() {
                assert!((code * step - expected).abs() <= 0.501 * step, "{i} of {width}: {} {expected}", code * step);
            }
            let mut plain = zeros(row.len() / 64);
            let step = to_codes(&row, &mut plain);
            let codes = plain.iter().flat_map(|line| line.0).map(|code| f32::from(code) - 128.0);
            for (code, expected) in codes.zip(&row) {
                assert!((code * step - expected).abs() <= 0.501 * step);
            }
        }
    }

    #[test]
    fn a_row_of_zeros_is_zeros_and_a_nan_is_not_lost() {
        let mut codes = zeros(1);
        assert_eq!(norm_to_codes::<false>(&[0.0; 64], &[1.0; 64], 1e-5, &mut codes), 0.0);
        assert_eq!(codes[0].0, [128; 64]);
        assert_eq!(to_codes(&[0.0; 64], &mut codes), 0.0);
        let mut row = [1.0; 64];
        row[3] = f32::NAN;
        assert!(norm_to_codes::<false>(&row, &[1.0; 64], 1e-5, &mut codes).is_nan());
    }

    #[test]
    fn halves_round_to_even() {
        for (x, expected) in [(1.0, 0x3f80), (-2.0, 0xc000), (1.003_906_2, 0x3f80), (1.011_718_8, 0x3f82), (0.0, 0)] {
            assert_eq!(to_half(x), expected, "{x}");
            assert_eq!(to_half(x), half::bf16::from_f32(x).to_bits(), "{x}");
        }
    }
}
