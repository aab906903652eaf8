//! A query vector, checked and quantised once for every index that is asked.

use super::code::Code;
use crate::error::Result;

/// A vector to search with: in full for rescoring, as a code for scanning.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    vector: Vec<f32>,
    code: Code,
}

impl Query {
    /// Checks and quantises `vector`, of 1 to [`MAX_DIMENSION`](super::MAX_DIMENSION) values.
    ///
    /// # Errors
    /// Those of [`Code::encode`].
    pub fn new(vector: &[f32]) -> Result<Query> {
        Ok(Query { code: Code::encode(vector)?, vector: vector.to_vec() })
    }

    /// The vector as given.
    pub fn vector(&self) -> &[f32] {
        &self.vector
    }

    /// Its code.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// How many values it has.
    pub fn dimension(&self) -> usize {
        self.vector.len()
    }
}
