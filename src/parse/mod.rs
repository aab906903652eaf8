//! From files and streams to documents: which format it is, which parser reads it, and what it may cost.
//!
//! A file is one document (text, markdown, html, pdf, docx, epub) or a stream of records (jsonl, csv, parquet, beir).
//! Records are read one at a time, so memory does not grow with the file; a bad record is reported and the rest goes on.

mod beir;
mod compression;
mod csv;
mod dispatch;
mod encoding;
mod error;
mod flow;
mod format;
mod front_matter;
mod html;
mod isolation;
mod jsonl;
mod limits;
mod lines;
mod markdown;
mod options;
mod record;
mod source;
mod text;

#[cfg(feature = "formats")]
mod formats;
#[cfg(not(feature = "formats"))]
#[path = "formats_disabled.rs"]
mod formats;

pub use compression::Compression;
pub use dispatch::{Emit, Parser, parse_path, parse_reader, parse_source, parser};
pub use error::{ParseError, RecordError};
pub use format::Format;
pub use isolation::isolate;
pub use limits::Limits;
pub use options::{ParseOptions, RecordFields};
pub use source::Source;

#[cfg(test)]
mod tests;
