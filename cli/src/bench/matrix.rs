//! The vectors an index is measured with, end to end as they are computed with, and where they come from.

use std::path::Path;

use anyhow::Result;

use super::Generator;
use crate::exit::usage;
use crate::npy;

/// Vectors end to end.
pub(crate) struct Vectors {
    pub(crate) dimension: usize,
    pub(crate) values: Vec<f32>,
}

impl Vectors {
    /// Those that `generator` numbers from `from` on.
    pub(crate) fn generated(generator: &Generator, dimension: usize, from: u64, count: usize) -> Self {
        let mut values = Vec::with_capacity(count * dimension);
        (from..).take(count).for_each(|number| values.extend(generator.vector(number)));
        Self { dimension, values }
    }

    /// The rows of a NumPy file.
    ///
    /// # Errors
    /// A mistake of whoever named it: it is not there, or not such a file.
    pub(crate) fn from_file(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file).map_err(|error| usage(format!("{}: {error}", file.display())))?;
        let (dimension, values) = npy::read(&bytes).map_err(|reason| usage(format!("{}: {reason}", file.display())))?;
        Ok(Self { dimension, values })
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dimension.max(1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension.max(1))
    }
}
