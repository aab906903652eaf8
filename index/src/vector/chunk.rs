//! A fixed number of rows side by side: codes in one aligned block, everything else the scan needs in arrays beside it.
//!
//! A chunk never grows, so that adding a row never moves others; the memtable shares chunks with running searches and copies one only
//! when it changes it meanwhile.

use super::code::Code;
use super::distance::{Distance, Terms};
use crate::key::Key;

/// Rows of codes with what scoring needs. All rows have one stride.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// `capacity * stride` codes from `start` on; the rows not in use are zero or stale.
    codes: Vec<i8>,
    /// Where the first row lies in `codes`: at the start of a cache line, which makes the scan's loads touch one line each.
    start: usize,
    stride: usize,
    capacity: usize,
    keys: Vec<Key>,
    factors: Vec<f32>,
    offsets: Vec<f32>,
    /// `capacity * stride / 2` bytes: the four bits behind each code.
    residuals: Vec<u8>,
    /// What the twelve bits are multiplied with, as `factors` are for the eight.
    fine_factors: Vec<f32>,
}

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

impl Chunk {
    /// The memory a chunk aims at: large enough that going from one to the next costs nothing, small enough to copy in microseconds.
    const TARGET_BYTES: usize = 512 << 10;

    /// Codes from one row to the next for `dimension`: whole 256-bit words, the rest zeros, so that no row has a tail.
    pub(crate) fn stride(dimension: usize) -> usize {
        dimension.next_multiple_of(32)
    }

    /// How many rows a chunk of this stride holds.
    pub(crate) fn rows_per_chunk(stride: usize) -> usize {
        (Self::TARGET_BYTES / stride.max(1)).clamp(128, 4096)
    }

    pub(crate) fn new(stride: usize) -> Chunk {
        let capacity = Self::rows_per_chunk(stride);
        // Zeroed memory is handed out page by page as it is first touched: an almost empty chunk costs almost nothing.
        let codes = vec![0; capacity * stride + LINE_BYTES - 1];
        let start = codes.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES - 1);
        let residuals = vec![0; capacity * stride / 2];
        let (keys, factors, offsets, fine_factors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Chunk { codes, start, stride, capacity, keys, factors, offsets, residuals, fine_factors }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.keys.len() == self.capacity
    }

    /// Bytes of memory reserved for it.
    pub(crate) fn bytes(&self) -> usize {
        let floats = self.factors.capacity() + self.offsets.capacity() + self.fine_factors.capacity();
        self.codes.capacity()
            + self.residuals.capacity()
            + self.keys.capacity() * size_of::<Key>()
            + floats * size_of::<f32>()
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub(crate) fn factors(&self) -> &[f32] {
        &self.factors
    }

    pub(crate) fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    pub(crate) fn fine_factors(&self) -> &[f32] {
        &self.fine_factors
    }

    /// The residuals of a row.
    pub(crate) fn residuals(&self, row: usize) -> &[u8] {
        let bytes = self.stride / 2;
        &self.residuals[row * bytes..(row + 1) * bytes]
    }

    /// The codes of rows `from..to`, end to end.
    pub(crate) fn codes(&self, from: usize, to: usize) -> &[i8] {
        &self.codes[self.start + from * self.stride..self.start + to * self.stride]
    }

    fn codes_mut(&mut self, row: usize) -> &mut [i8] {
        let from = self.start + row * self.stride;
        &mut self.codes[from..from + self.stride]
    }

    /// Adds a row; the chunk must not be full.
    pub(crate) fn push(&mut self, key: Key, code: &Code, distance: Distance) {
        let row = self.len();
        self.keys.push(key);
        self.factors.push(0.0);
        self.offsets.push(0.0);
        self.fine_factors.push(0.0);
        self.set(row, key, code, distance);
    }

    /// Writes over `row`.
    pub(crate) fn set(&mut self, row: usize, key: Key, code: &Code, distance: Distance) {
        let (values, padding) = self.codes_mut(row).split_at_mut(code.dimension());
        values.copy_from_slice(code.values());
        padding.fill(0);
        let Terms { factor, offset } = distance.row_terms(code.scale(), code.norm());
        self.keys[row] = key;
        self.factors[row] = factor;
        self.offsets[row] = offset;
        self.fine_factors[row] = distance.row_terms(code.fine_scale(), code.norm()).factor;
        let bytes = self.stride / 2;
        self.residuals[row * bytes..(row + 1) * bytes].copy_from_slice(code.residuals());
    }

    /// Writes the last row of `from` over `row`.
    pub(crate) fn set_from_last(&mut self, row: usize, from: &Chunk) {
        let last = from.len() - 1;
        self.codes_mut(row).copy_from_slice(from.codes(last, last + 1));
        self.keys[row] = from.keys[last];
        self.factors[row] = from.factors[last];
        self.offsets[row] = from.offsets[last];
        self.fine_factors[row] = from.fine_factors[last];
        let bytes = self.stride / 2;
        self.residuals[row * bytes..(row + 1) * bytes].copy_from_slice(from.residuals(last));
    }

    /// Writes this chunk's own last row over `row`.
    pub(crate) fn set_from_own_last(&mut self, row: usize) {
        let last = self.len() - 1;
        let from = self.start + last * self.stride;
        self.codes.copy_within(from..from + self.stride, self.start + row * self.stride);
        self.keys[row] = self.keys[last];
        self.factors[row] = self.factors[last];
        self.offsets[row] = self.offsets[last];
        self.fine_factors[row] = self.fine_factors[last];
        let bytes = self.stride / 2;
        self.residuals.copy_within(last * bytes..(last + 1) * bytes, row * bytes);
    }

    /// Drops the last row.
    pub(crate) fn pop(&mut self) {
        self.keys.pop();
        self.factors.pop();
        self.offsets.pop();
        self.fine_factors.pop();
    }
}

/// By hand, because a copy lies at another address and must be aligned anew, and because only the rows in use are worth copying.
impl Clone for Chunk {
    fn clone(&self) -> Self {
        let mut copy = Chunk::new(self.stride);
        let used = self.codes(0, self.len());
        copy.codes[copy.start..copy.start + used.len()].copy_from_slice(used);
        copy.keys.clone_from(&self.keys);
        copy.factors.clone_from(&self.factors);
        copy.offsets.clone_from(&self.offsets);
        copy.fine_factors.clone_from(&self.fine_factors);
        let used = self.len() * self.stride / 2;
        copy.residuals[..used].copy_from_slice(&self.residuals[..used]);
        copy
    }
}
