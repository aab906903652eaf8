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
        squares = std::array::from_fn(|i| fused::<FMA>(chunk[i], chunk[i], squares[i]));
        largest = std::array::from_fn(|i| larger((chunk[i] * weights[i]).abs(), largest[i]));
    }
    for (i, (x, weight)) in rest.iter().zip(weights_rest).enumerate() {
        squares[i] += x * x;
        largest[i] = larger((x * weight).abs(), largest[i]);
    }
    let norm = 1.0 / (sum_of(squares) / weight.len() as f32 + eps).sqrt();
    let largest = most_of(largest);
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (at, (row, codes)) in row.as_chunks::<64>().0.iter().zip(codes).enumerate() {
        codes.0 = match weight.get(64 * at..).and_then(|weights| weights.first_chunk::<64>()) {
            Some(weights) => std::array::from_fn(|i| to_code(row[i] * weights[i] * factor)),
            None => std::array::from_fn(|i| to_code(row[i] * weight.get(64 * at + i).unwrap_or(&0.0) * factor)),
        };
    }
    largest * norm / 127.0
}

/// The larger of two numbers, or the second where the first is NaN: one instruction, unlike `max`.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The largest lane, by halves.
#[inline(always)]
pub(super) fn most_of(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| larger(lanes[i], lanes[i + 8]));
    let four: [f32; 4] = std::array::from_fn(|i| larger(eight[i], eight[i + 4]));
    larger(larger(four[0], four[2]), larger(four[1], four[3]))
}

/// The sum of the lanes, by halves.
#[inline(always)]
pub(super) fn sum_of(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// A row to codes, as it is.
#[inline(always)]
pub(super) fn to_codes(row: &[f32], codes: &mut [Codes]) -> f32 {
    let mut largest = [0.0_f32; LANES];
    for chunk in row.as_chunks::<LANES>().0 {
        largest = std::array::from_fn(|i| larger(chunk[i].abs(), largest[i]));
    }
    let largest = most_of(largest);
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (row, codes) in row.as_chunks::<64>().0.iter().zip(codes) {
        codes.0 = std::array::from_fn(|i| to_code(row[i] * factor));
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
        squares = std::array::from_fn(|i| fused::<FMA>(chunk[i], chunk[i], squares[i]));
    }
    squares[0] += rest.iter().map(|x| x * x).sum::<f32>();
    let norm = 1.0 / (sum_of(squares) / weight.len() as f32 + eps).sqrt();
    for (x, weight) in row.iter_mut().zip(weight) {
        *x *= norm * weight;
    }
}

/// One head's query or key turned by its position, times `scale`. The even components are in the first half of `from`, the odd ones
/// in the second; so they stay.
#[inline(always)]
pub(super) fn turn(from: &[f32], (cos, sin): (&[f32], &[f32]), scale: f32, to: &mut [u16]) {
    let half = cos.len();
    let (even, odd) = from.split_at(half);
    let (to_even, to_odd) = to.split_at_mut(half);
    let mut at = 0;
    while let (Some(even), Some(odd), Some(cos), Some(sin), Some(to_even), Some(to_odd)) = (
        lanes(even, at),
        lanes(odd, at),
        lanes(cos, at),
        lanes(sin, at),
        to_even.get_mut(at..).and_then(|to| to.first_chunk_mut::<LANES>()),
        to_odd.get_mut(at..).and_then(|to| to.first_chunk_mut::<LANES>()),
    ) {
        *to_even = std::array::from_fn(|i| to_half((even[i] * cos[i] - odd[i] * sin[i]) * scale));
        *to_odd = std::array::from_fn(|i| to_half((even[i] * sin[i] + odd[i] * cos[i]) * scale));
        at += LANES;
    }
    for i in at..half {
        to_even[i] = to_half((even[i] * cos[i] - odd[i] * sin[i]) * scale);
        to_odd[i] = to_half((even[i] * sin[i] + odd[i] * cos[i]) * scale);
    }
}

/// The lanes from `at` on, if there are as many.
#[inline(always)]
fn lanes(numbers: &[f32], at: usize) -> Option<&[f32; LANES]> {
    numbers.get(at..)?.first_chunk()
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

/// As [`to_half`], halfway cases up: two instructions less, for numbers of which there are many.
#[inline(always)]
pub(super) fn to_half_up(x: f32) -> u16 {
    (x.to_bits().wrapping_add(0x8000) >> 16) as u16
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
