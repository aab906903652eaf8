//! What can go wrong in an index, with the facts a person needs to act on it.

use std::io;
use std::path::PathBuf;

/// An error of the vector or the lexical index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A vector of another length than the index holds.
    #[error(
        "a vector has {found} dimensions, but this index holds vectors of {expected}; was it made by another model?"
    )]
    DimensionMismatch {
        /// Dimensions of the index.
        expected: usize,
        /// Dimensions of the vector given.
        found: usize,
    },

    /// A vector with a NaN or an infinity in it.
    #[error("component {position} of a vector is not a finite number")]
    NotFinite {
        /// The first such component, from 0.
        position: usize,
    },

    /// A dimension the index cannot hold.
    #[error("vectors of {dimension} dimensions cannot be indexed; between 1 and {maximum} can")]
    UnsupportedDimension {
        /// The dimension asked for.
        dimension: usize,
        /// The largest that works.
        maximum: usize,
    },

    /// A filter names a metadata field that no document has.
    #[error("no document has a metadata field `{field}`{}", known_fields(known))]
    UnknownField {
        /// The field named.
        field: String,
        /// The fields there are.
        known: Vec<String>,
    },

    /// A filter compares a field with a value of a kind the comparison is not defined for.
    #[error("the field `{field}` cannot be compared with {found}; {expected}")]
    TypeMismatch {
        /// The field named.
        field: String,
        /// What would work, as a clause.
        expected: String,
        /// The kind of value given.
        found: String,
    },

    /// Stored bytes that do not decode.
    #[error("{} is damaged ({reason}); it is derived data and is rebuilt when the database is opened", path.display())]
    Damaged {
        /// The file, folder or record.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// A vector segment could not be built.
    #[error("a segment of the vector index could not be built ({reason}); its vectors are scanned one by one instead")]
    Building {
        /// What went wrong.
        reason: String,
    },

    /// What was to find the neighbours of all vectors failed, or found others than the nearest.
    #[error(
        "the neighbours of all vectors could not be found by comparing all of them: {source}; without that, walks find them"
    )]
    Neighbours {
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The lexical index failed.
    #[error("the lexical index failed while {action}: {source}")]
    Lexical {
        /// What was being done.
        action: &'static str,
        /// What the library underneath said; boxed, so that its types stay inside this crate.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The lexical index stopped after an earlier failure.
    #[error(
        "the lexical index stopped after a failure while {action}; open the database again, it catches up from the store"
    )]
    Stopped {
        /// What was being done.
        action: &'static str,
    },

    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Whose fault an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's: the same call will fail again.
    Input,
    /// The stored data's: rebuilding the index helps.
    Data,
    /// The machine's: disk, memory, permissions.
    System,
}

impl Error {
    /// Whose fault this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::DimensionMismatch { .. }
            | Error::NotFinite { .. }
            | Error::UnsupportedDimension { .. }
            | Error::UnknownField { .. }
            | Error::TypeMismatch { .. } => ErrorKind::Input,
            Error::Damaged { .. } => ErrorKind::Data,
            Error::Building { .. }
            | Error::Neighbours { .. }
            | Error::Lexical { .. }
            | Error::Stopped { .. }
            | Error::Io { .. } => ErrorKind::System,
        }
    }

    /// An [`Error::Lexical`] maker for `map_err`.
    pub(crate) fn lexical<E>(action: &'static str) -> impl FnOnce(E) -> Error
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Error::Lexical { action, source: source.into() }
    }
}

/// What an index call returns.
pub type Result<T> = std::result::Result<T, Error>;

/// The tail of the unknown-field message: the nearest names first is the caller's art, here a bounded list is enough.
fn known_fields(known: &[String]) -> String {
    const SHOWN: usize = 12;
    if known.is_empty() {
        return "; no document has any metadata yet".to_owned();
    }
    let mut text = format!("; known fields: {}", known[..known.len().min(SHOWN)].join(", "));
    if known.len() > SHOWN {
        text.push_str(&format!(" and {} more", known.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_there_is() {
        let known = (0..20).map(|i| format!("field{i}")).collect();
        let text = Error::UnknownField { field: "yaer".into(), known }.to_string();
        assert!(text.contains("`yaer`") && text.contains("field11") && text.contains("8 more"), "{text}");
        assert!(!text.contains("field12"));
    }
}
