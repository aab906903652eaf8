//! The weights of one transformer block.

use super::matrix::Matrix;
use crate::config::NeoBertConfig;
use crate::error::Result;
use crate::weights::Weights;

/// One layer.
pub(super) struct Layer {
    pub(super) attention_norm: Vec<f32>,
    /// By head, and within a head query, key, value; the components of queries and keys with the even ones first.
    pub(super) qkv: Matrix,
    pub(super) wo: Matrix,
    pub(super) ffn_norm: Vec<f32>,
    /// Sixteen columns of the gate and sixteen of the value by turns, so that a pair of panels has what belongs together.
    pub(super) w12: Matrix,
    pub(super) w3: Matrix,
}

impl Layer {
    pub(super) fn load(weights: &Weights<'_>, index: usize, config: &NeoBertConfig) -> Result<Self> {
        let (hidden, inner, head) = (config.hidden_size, config.inner_size(), config.head_dim());
        let layer = format!("transformer_encoder.{index}");
        let norm = |name: &str| weights.values(&format!("{layer}.{name}.weight"), &[hidden]);
        let matrix = |name: &str, rows: usize, columns: usize| {
            weights.quantized(&format!("{layer}.{name}.weight"), [rows, columns])
        };
        Ok(Self {
            attention_norm: norm("attention_norm")?,
            qkv: Matrix::pack(&matrix("qkv", 3 * hidden, hidden)?, (0..3 * hidden).map(|at| Some(halved(at, head)))),
            wo: Matrix::pack(&matrix("wo", hidden, hidden)?, (0..hidden).map(Some)),
            ffn_norm: norm("ffn_norm")?,
            w12: Matrix::pack(
                &matrix("ffn.w12", 2 * inner, hidden)?,
                (0..2 * inner.next_multiple_of(16)).map(|at| gated(at, inner)),
            ),
            w3: Matrix::pack(&matrix("ffn.w3", hidden, inner)?, (0..hidden).map(Some)),
        })
    }
}

/// Which row of `qkv` goes to column `at`. Rotation turns neighbouring components of queries and keys; with the even ones in the first
/// half of a head and the odd ones in the second it needs no shuffles, and dot products do not mind the order.
fn halved(at: usize, head: usize) -> usize {
    let (part, within) = (at / head, at % head);
    let within = match part % 3 {
        2 => within,
        _ if within < head / 2 => 2 * within,
        _ => 2 * (within - head / 2) + 1,
    };
    part * head + within
}

/// Which row of `w12` goes to column `at`.
fn gated(at: usize, inner: usize) -> Option<usize> {
    let channel = at / 32 * 16 + at % 16;
    let half = if at % 32 < 16 { 0 } else { inner };
    (channel < inner).then_some(half + channel)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn every_channel_has_one_column() {
        let mut halves: Vec<usize> = (0..3 * 16).map(|at| halved(at, 8)).collect();
        assert_eq!(halves[..9], [0, 2, 4, 6, 1, 3, 5, 7, 8]);
        halves.sort_unstable();
        assert!(halves.iter().copied().eq(0..48));

        let gates: Vec<_> = (0..64).map(|at| gated(at, 24)).collect();
        assert_eq!(
            (gates[0], gates[16], gates[32], gates[48], gates[40]),
            (Some(0), Some(24), Some(16), Some(40), None)
        );
        let mut gates: Vec<usize> = gates.into_iter().flatten().collect();
        gates.sort_unstable();
        assert!(gates.into_iter().eq(0..48));
    }
}
