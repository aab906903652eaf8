//! A build without a bundled model: a database opened without an embedder searches by words.

use std::sync::Arc;

use crate::embedding::Embedder;
use crate::error::Result;

/// There is none.
pub(crate) fn shared() -> Result<Option<Arc<dyn Embedder>>> {
    Ok(None)
}
