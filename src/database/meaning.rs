//! What a caller may ask about how a database understands text and metadata: its embedder, and the fields filters can name.

use std::sync::Arc;

use neodex_index::lexical::FieldType;
use serde::Serialize;

use crate::database::Database;
use crate::embedding::Embedder;
use crate::error::Result;

/// A metadata field that filters and facets can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name; nested ones are joined by dots.
    pub name: String,
    /// The kinds of its values: `boolean`, `number`, `string`, `date`.
    pub types: Vec<String>,
}

impl Database {
    /// What turns text into vectors; `None` in a database that goes by words only.
    pub fn embedder(&self) -> Option<&Arc<dyn Embedder>> {
        self.inner.embedder.as_ref()
    }

    /// The window that documents are read in, in tokens; 0 without an embedder.
    pub fn window_tokens(&self) -> usize {
        self.inner.window_tokens
    }

    /// The metadata fields there are, by name. One whose last document went may stay for a while.
    ///
    /// # Errors
    /// When the lexical index cannot be read.
    pub fn fields(&self) -> Result<Vec<Field>> {
        let names = |types: Vec<FieldType>| types.iter().map(ToString::to_string).collect();
        let fields = self.inner.indexes.lexical.fields()?;
        Ok(fields.into_iter().map(|(name, types)| Field { name, types: names(types) }).collect())
    }
}
