//! Rows of numbers, one for each token of a sequence.

/// A matrix `(tokens, width)` in row order: hidden states, or logits.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    values: Vec<f32>,
    width: usize,
}

impl States {
    pub(crate) fn new(values: Vec<f32>, width: usize) -> Self {
        Self { values, width }
    }

    /// Number of rows.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All numbers, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same, owned.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The rows, in the order of the tokens.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}
