//! What a caller may say about how files are read.

use super::{Format, Limits};

/// Which fields of a record hold what. `None`: the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFields {
    /// The id's field; else `id`, then `_id`.
    pub id: Option<String>,
    /// The text's field; else `text`.
    pub text: Option<String>,
    /// The title's field; else `title`.
    pub title: Option<String>,
}

/// How to read a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParseOptions {
    /// The format; `None`: by the file's extension, then by its first bytes.
    pub format: Option<Format>,
    /// The fields of records.
    pub fields: RecordFields,
    /// What a file may cost.
    pub limits: Limits,
}
