//! Everything a call on the library can answer instead of a result.
//!
//! The crates below keep their own enums; this one widens them without flattening, so that the facts survive. Callers
//! that only want to know whose fault it was (a server choosing a status, a program choosing an exit status) ask
//! [`Error::kind`] and never match on text.

use std::path::PathBuf;

use crate::document::DocumentError;
use crate::embedding::EmbedError;
use crate::parse::ParseError;
use crate::query::QueryError;

/// An error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store refused: locked, damaged, full, of a newer format.
    #[error(transparent)]
    Storage(#[from] neodex_storage::Error),

    /// The vector or the lexical index refused.
    #[error(transparent)]
    Index(#[from] neodex_index::Error),

    /// A filter expression has a mistake; the message shows the place.
    #[error(transparent)]
    Query(#[from] QueryError),

    /// A document that cannot be stored.
    #[error(transparent)]
    Document(#[from] DocumentError),

    /// A file that cannot be read as what it claims to be.
    #[error(transparent)]
    Parse(#[from] ParseError),

    /// The embedder failed.
    #[error("embedding failed: {0}")]
    Embedding(#[from] EmbedError),

    /// Meaning was asked for, and the database has no embedder.
    #[error(
        "this database was opened without a model, so it can only search by words; open it with one (--model DIR|NAME)"
    )]
    NoEmbedder,

    /// The database was made with another model than it was opened with.
    #[error(
        "the database in {} was made with the model {stored}, whose vectors {given} cannot read; open it with its own \
         (--model DIR), or make new vectors with `neodex reembed`", path.display()
    )]
    EmbedderMismatch {
        /// The database's folder.
        path: PathBuf,
        /// The database's model: name and the beginning of its fingerprint.
        stored: String,
        /// The model of the call.
        given: String,
    },

    /// The database was made with another distance or chunking than it was opened with.
    #[error(
        "the database in {} was made with {field} = {stored}, and was opened with {field} = {given}; \
         open it with what it was made with, or ingest into a new database", path.display()
    )]
    Mismatch {
        /// The database's folder.
        path: PathBuf,
        /// What differs.
        field: String,
        /// Its value in the database.
        stored: String,
        /// Its value in the call.
        given: String,
    },

    /// There is no database in the folder, and none was to be made.
    #[error("there is no database in {}; `ingest` makes one", path.display())]
    NoDatabase {
        /// The folder looked in.
        path: PathBuf,
    },

    /// A setting or argument outside of what is possible.
    #[error("{field}: {reason}")]
    Argument {
        /// The setting or argument.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },

    /// A stored record that does not decode, although its checksum is right: a defect of neodex, or of memory.
    #[error("the stored {what} {key} does not decode: {reason}")]
    Record {
        /// What kind of record.
        what: &'static str,
        /// Its key.
        key: String,
        /// What does not fit.
        reason: String,
    },

    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },

    /// The caller asked to stop. What was acknowledged before is kept.
    #[error("interrupted; what was acknowledged is kept, and running it again continues")]
    Cancelled,

    /// The thread that keeps the indexes up to date has stopped; what is durable is safe, and opening again catches up.
    #[error("the indexing thread stopped: {reason}; the documents are safe in the store, open the database again")]
    IndexingStopped {
        /// What stopped it.
        reason: String,
    },
}

/// What a call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's: the same call will fail again.
    Input,
    /// What was named does not exist.
    NotFound,
    /// Somebody else has it, or it is of another format, or damaged: the database cannot be used as it is.
    Unusable,
    /// The machine's: disk, memory, permissions; trying again may help.
    System,
    /// The caller stopped it.
    Cancelled,
}

impl Error {
    /// Whose fault this is.
    pub fn kind(&self) -> ErrorKind {
        use neodex_storage::ErrorKind as Storage;
        match self {
            Error::Storage(error) => match error.kind() {
                Storage::InvalidInput => ErrorKind::Input,
                Storage::Damaged | Storage::Unsupported => ErrorKind::Unusable,
                Storage::Unavailable if matches!(error, neodex_storage::Error::Locked { .. }) => ErrorKind::Unusable,
                _ => ErrorKind::System,
            },
            Error::Index(error) => match error.kind() {
                neodex_index::ErrorKind::Input => ErrorKind::Input,
                _ => ErrorKind::System,
            },
            Error::Query(_)
            | Error::Document(_)
            | Error::Parse(_)
            | Error::NoEmbedder
            | Error::EmbedderMismatch { .. }
            | Error::Mismatch { .. }
            | Error::Argument { .. } => ErrorKind::Input,
            Error::NoDatabase { .. } => ErrorKind::NotFound,
            Error::Record { .. } => ErrorKind::Unusable,
            Error::Embedding(_) | Error::Io { .. } | Error::IndexingStopped { .. } => ErrorKind::System,
            Error::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// An [`Error::Io`] maker for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        move |source| Error::Io { path: path.into(), source }
    }
}
