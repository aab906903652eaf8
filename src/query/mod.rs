//! The filter language: from what people type to a [`Predicate`](neodex_index::filter::Predicate) and back.
//!
//! ```text
//! year >= 2020 AND (lang IN ['en', 'de'] OR NOT EXISTS lang) AND title != 'it''s'
//! published < 2024-06-01T12:00:00Z AND `odd name` = true
//! ```
//!
//! Syntax only: what a comparison means for a document is said in `neodex_index::filter`, and whether a field exists is found out when
//! the filter is evaluated. [`parse`] has the grammar; a mistake is a [`QueryError`] that points at its place.

mod date;
mod error;
mod lexer;
mod parse;
#[cfg(test)]
mod tests;
mod text;

pub use error::QueryError;
pub use parse::{MAX_DEPTH, MAX_LENGTH_BYTES, parse};
pub use text::to_text;
