//! Every path this processor can take gives what the scalar one does: integer products to the bit, the rest within rounding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::super::activations::Activations;
use super::super::matrix::Matrix;
use super::lines::{Codes, Halves, flat, zeros};
use super::rows::to_half;
use super::{Head, Kernel, Output, ROWS, Scratch};
use crate::quantized::Quantized;

fn paths() -> Vec<Kernel> {
    let mut paths = Vec::new();
    Kernel::available(|kernel| paths.push(kernel));
    paths
}

/// Numbers in -1 to 1 from a seed.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A matrix of random codes, the extremes among them.
fn matrix(seed: u64, channels: usize, width: usize) -> Quantized {
    let codes = numbers(seed, channels * width).into_iter().map(|x| (x * 160.0).clamp(-127.0, 127.0) as i8).collect();
    let scales = numbers(seed + 1, channels).into_iter().map(|x| 0.01 + x.abs() / 50.0).collect();
    Quantized { codes, scales, width }
}

fn activations(seed: u64, rows: usize, width: usize) -> Activations {
    let mut activations = Activations::new(rows, width.next_multiple_of(64));
    for (line, numbers) in activations.codes.iter_mut().zip(numbers(seed, rows * width.next_multiple_of(64)).chunks(64))
    {
        for (code, x) in line.0.iter_mut().zip(numbers) {
            *code = (x * 160.0).clamp(-127.0, 127.0) as i32 as i16 as u8 ^ 0x80;
        }
    }
    activations.scales = numbers(seed + 1, activations.scales.len()).into_iter().map(|x| 0.01 + x.abs()).collect();
    activations
}

/// Largest difference, over the largest number.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(1e-20_f32, |most, x| most.max(x.abs()));
    a.iter()
        .zip(b)
        .map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() / most })
        .fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

fn check_products(seed: u64, rows: usize, width: usize, channels: usize) {
    let (weight, input) = (matrix(seed, channels, width), activations(seed + 7, rows, width));
    let matrix = Matrix::pack(&weight, (0..channels).map(Some));
    let columns = matrix.columns();
    // In whole numbers, and in the plainest way.
    let expected = (0..rows).flat_map(|row| {
        let codes: Vec<i32> = input.codes[row * input.depth..][..input.depth]
            .iter()
            .flat_map(|line| line.0)
            .map(|code| i32::from(code) - 128)
            .collect();
        let (weight, scale) = (&weight, input.scales[row]);
        (0..columns).map(move |channel| match weight.row(channel) {
            Some((weights, step)) => {
                let sum: i32 = weights.iter().zip(&codes).map(|(&weight, code)| i32::from(weight) * code).sum();
                sum as f32 * (step * scale)
            }
            None => 0.0,
        })
    });
    let expected: Vec<f32> = expected.collect();
    for kernel in paths() {
        let mut out = vec![3.0; rows * columns];
        kernel.product(&input, rows, &matrix, &mut Output::Store(&mut out), columns);
        assert!(out == expected, "{} rows, {width} by {channels}: {}", rows, kernel.name());
        kernel.product(&input, rows, &matrix, &mut Output::Add(&mut out), columns);
        assert!(out.iter().zip(&expected).all(|(out, x)| *out == x + x), "{} adds", kernel.name());

        let half = columns / 2;
        let mut out = vec![3.0; rows * half];
        kernel.product(&input, rows, &matrix, &mut Output::Gate(&mut out), half);
        let gated = expected.chunks(32).flat_map(|pair| {
            let (gate, value) = pair.split_at(16);
            gate.iter().zip(value).map(|(gate, value)| gate / (1.0 + (-gate).exp()) * value)
        });
        let off = distance(&out, &gated.collect::<Vec<_>>());
        assert!(off < 1e-5, "{} gates, off by {off}", kernel.name());
    }
}

/// Attention of one head in f64, over the same bf16 numbers.
fn mix(rows: &[u16], stride: usize, width: usize, tokens: usize, query: usize) -> Vec<f64> {
    let number = |row: usize, at: usize| f64::from(f32::from_bits(u32::from(rows[row * stride + at]) << 16));
    let scores: Vec<f64> =
        (0..tokens).map(|key| (0..width).map(|i| number(query, i) * number(key, width + i)).sum::<f64>()).collect();
    let most = scores.iter().copied().fold(f64::MIN, f64::max);
    let shares: Vec<f64> = scores.iter().map(|score| (score - most).exp2()).collect();
    let sum: f64 = shares.iter().sum();
    (0..width)
        .map(|i| shares.iter().enumerate().map(|(key, share)| share * number(key, 2 * width + i)).sum::<f64>() / sum)
        .collect()
}

fn check_attention(seed: u64, tokens: usize, width: usize, sharpness: f32) {
    let stride = 3 * width + 32;
    let mut rows: Vec<Halves> = zeros((tokens + ROWS) * stride / 32);
    for (line, numbers) in rows.iter_mut().zip(numbers(seed, tokens * stride).chunks(32)) {
        for (half, x) in line.0.iter_mut().zip(numbers) {
            *half = to_half(x * sharpness);
        }
    }
    let head = Head { rows: flat(&rows), stride, width, tokens };
    let from = if tokens > 40 { tokens / 3 } else { 0 };
    let queries = tokens - from;
    let expected: Vec<f32> = (from..tokens)
        .step_by((queries / 24).max(1))
        .flat_map(|query| mix(head.rows, stride, width, tokens, query))
        .map(|x| x as f32)
        .collect();
    for kernel in paths() {
        let mut out = vec![9.0; queries * width];
        let mut scratch = Scratch::default();
        // Again with memory that has been used.
        for _ in 0..2 {
            kernel.attend(&head, from, &mut scratch, &mut out, width);
        }
        let found: Vec<f32> = out.chunks(width).step_by((queries / 24).max(1)).flatten().copied().collect();
        let off = distance(&found, &expected);
        assert!(off < 6e-3, "{tokens} tokens, {}: off by {off}", kernel.name());
    }
}

#[test]
fn the_best_path_is_the_last_one_available() {
    assert_eq!(paths().last(), Some(&Kernel::best()));
}

#[test]
fn products_of_odd_sizes() {
    for (rows, width, channels) in [(1, 1, 1), (3, 64, 32), (31, 65, 33), (32, 176, 64), (97, 384, 100), (5, 4096, 48)]
    {
        check_products(rows as u64, rows, width, channels);
    }
}

#[test]
fn the_largest_codes_do_not_overflow() {
    let width = 4096;
    for (weight, code) in [(127, 255), (-127, 255), (127, 1), (-128, 1), (-128, 255)] {
        let weight = Quantized { codes: vec![weight; 32 * width], scales: vec![1.0; 32], width };
        let mut input = Activations::new(2, width);
        input.codes = vec![super::lines::Line::<u8, 64>([code; 64]); input.codes.len()];
        input.scales.fill(1.0);
        let matrix = Matrix::pack(&weight, (0..32).map(Some));
        let expected = (i32::from(weight.codes[0]) * (i32::from(code) - 128) * width as i32) as f32;
        for kernel in paths() {
            let mut out = vec![0.0; 64];
            kernel.product(&input, 2, &matrix, &mut Output::Store(&mut out), 32);
            assert!(out.iter().all(|&x| x == expected), "{}: {} {expected}", kernel.name(), out[0]);
        }
    }
}

#[test]
fn attention_of_odd_lengths() {
    for tokens in [1, 2, 15, 31, 32, 33, 100, 257, 511, 512, 513, 1100] {
        check_attention(tokens as u64, tokens, 32, 1.0);
    }
    check_attention(5, 140, 64, 0.8);
    check_attention(6, 70, 96, 0.7);
}

#[test]
fn sharp_attention_over_several_runs_of_keys() {
    check_attention(9, 1500, 64, 4.0);
    check_attention(10, 1025, 32, 8.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_of_any_size(seed in 0..1_000_000_u64, rows in 1..70_usize, width in 1..300_usize, channels in 1..150_usize) {
        check_products(seed, rows, width, channels);
    }

    #[test]
    fn rows_to_codes_and_turned(seed in 0..1_000_000_u64, rows in 1..5_usize, width in 1..300_usize, head in 1..40_usize) {
        let stride = width.next_multiple_of(64);
        let mut input = numbers(seed, rows * stride);
        for row in input.chunks_mut(stride) {
            row[width..].fill(0.0);
        }
        let weight = numbers(seed + 1, width);
        let head = 2 * head;
        let (qkv, angles) = (numbers(seed + 2, 6 * head), numbers(seed + 3, head));
        let padded = head.next_multiple_of(32);
        let outcome = |kernel: Kernel| {
            let mut outcome = Vec::new();
            let mut codes = Activations::new(rows, stride);
            let mut keep = |codes: &Activations| {
                let step = codes.codes.iter().zip(codes.scales.iter().flat_map(|scale| vec![scale; codes.depth]));
                outcome.push(step.take(rows * codes.depth).flat_map(|(line, scale): (&Codes, _)| line.0.map(|code| (f32::from(code) - 128.0) * scale)).collect::<Vec<f32>>());
            };
            kernel.norm_to_codes(&input, stride, &weight, 1e-5, &mut codes);
            keep(&codes);
            kernel.to_codes(&input, stride, &mut codes);
            keep(&codes);
            let mut normed = input.clone();
            kernel.norm(&mut normed, stride, &weight, 1e-5);
            outcome.push(normed);
            let mut turned = vec![0; 6 * padded];
            kernel.turn(&qkv, head, angles.split_at(head / 2), 0.3, &mut turned, padded);
            outcome.push(turned.into_iter().map(|half| f32::from_bits(u32::from(half) << 16)).collect());
            outcome
        };
        let expected = outcome(paths()[0]);
        for kernel in paths() {
            for (what, (found, expected)) in outcome(kernel).iter().zip(&expected).enumerate() {
                // A code may be rounded the other way, and a bf16 likewise.
                let off = distance(found, expected);
                prop_assert!(off < 0.01, "{}: {what} is off by {off}", kernel.name());
            }
        }
    }
}
