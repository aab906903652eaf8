//! Rows of activations as the integer products read them.

use super::kernel::ROWS;
use super::kernel::lines::{Codes, zeros};

/// Rows of codes with a scale each. There is room for whole tiles of rows: those beyond the real ones mean nothing.
pub(super) struct Activations {
    /// `(rows, depth)`
    pub(super) codes: Vec<Codes>,
    /// What a code of each row stands for.
    pub(super) scales: Vec<f32>,
    /// Lines of 64 codes in a row.
    pub(super) depth: usize,
}

impl Activations {
    /// Room for `rows` rows of `width` numbers, a multiple of 64.
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let rows = rows.next_multiple_of(ROWS);
        Self { codes: zeros(rows * width / 64), scales: vec![0.0; rows], depth: width / 64 }
    }
}
