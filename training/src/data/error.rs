//! What can go wrong between a file of text and a batch, with the facts that a person needs to mend it.

use std::path::{Path, PathBuf};

/// The result of reading, tokenising or packing data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value in the recipe, or the shape of the data asked for, cannot be.
    InvalidInput,
    /// A file is not there.
    NotFound,
    /// A file is there and is not what it claims to be.
    Corrupted,
    /// The machine.
    Internal,
}

/// A failure of preparing or reading training data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot read or write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's name does not tell how it is to be read.
    #[error("{} has no ending this reads: .txt, .md, .rs, .jsonl (each also .zst or .gz), .parquet", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A place that should have text has none.
    #[error("no text was found under {}", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A Parquet file's pages or columns cannot be read.
    #[error("{} is not readable Parquet: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The reader's complaint.
        reason: String,
    },
    /// The tokenizer library refused.
    #[error("the tokenizer failed: {reason}")]
    Tokenizer {
        /// Its complaint.
        reason: String,
    },
    /// The product's tokenizer refused a vocabulary or a text.
    #[error(transparent)]
    Encoder(#[from] neodex_encoder::Error),
    /// Ids are kept in 16 bits.
    #[error("a vocabulary of {found} tokens does not fit; shards and sets take at most {limit}")]
    VocabularyTooLarge {
        /// Ids of the tokenizer.
        found: usize,
        /// Ids that fit.
        limit: usize,
    },
    /// A folder of prepared data is damaged, cut short, or was made by something else.
    #[error("{} is damaged: {reason}; prepare it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// Something that is to be written already exists.
    #[error("{} already exists; remove it or choose another place", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A set or an option breaks a rule of the format.
    #[error("{what}: {reason}")]
    Invalid {
        /// The thing that breaks it.
        what: &'static str,
        /// How.
        reason: String,
    },
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Io { .. } => ErrorKind::Internal,
            Self::Empty { .. } => ErrorKind::NotFound,
            Self::Parquet { .. } | Self::Damaged { .. } => ErrorKind::Corrupted,
            Self::Encoder(source) if source.kind() == neodex_encoder::ErrorKind::Internal => ErrorKind::Internal,
            _ => ErrorKind::InvalidInput,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn tokenizer(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Tokenizer { reason: source.to_string() }
    }
}
