//! Ranked retrieval over keys: vectors and BM25. Knows keys, not documents.
//!
//! Two indexes share one unit, the chunk, and one name for it, the [`Key`]: `vector` finds by meaning, [`lexical`] by words. Both are
//! derived from the store and may be rebuilt from it at any time, so neither is trusted with anything that exists nowhere else.

pub mod error;
pub mod filter;
pub mod key;
pub mod lexical;
pub mod scored;
pub mod vector;

pub use error::{Error, ErrorKind, Result};
pub use key::{DocumentKey, Key, KeySet};
pub use scored::{Scored, TopK, top_k};
