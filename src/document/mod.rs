//! What the database remembers: a document, its identity, its outline and its metadata, and how it becomes bytes.

mod body;
mod error;
mod hash;
mod id;
mod metadata;
pub mod record;
mod value;

pub use body::{Document, Heading, MAX_TEXT_BYTES};
pub use error::DocumentError;
pub use hash::content_hash;
pub use id::{DocumentId, MAX_ID_BYTES};
pub use metadata::Metadata;

#[cfg(test)]
mod tests;
