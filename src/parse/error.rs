//! Why a file, or one record of it, could not be read.

use super::Format;
use crate::document::DocumentError;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The file could not be opened or read.
    #[error("cannot read it: {source}")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// Something is longer than the limits allow.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What: the file, a line, an entry of an archive.
        what: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It unpacks to suspiciously much.
    #[error(
        "it unpacks to more than {ratio} times its size, like a decompression bomb: unpack it yourself if it is honest"
    )]
    Bomb {
        /// The ratio allowed.
        ratio: u64,
    },
    /// The bytes are not what the format says.
    #[error("not a readable {format} file: {reason}")]
    Malformed {
        /// The format it was read as.
        format: Format,
        /// What did not fit.
        reason: String,
    },
    /// A format this program cannot read.
    #[error("{reason}")]
    Unsupported {
        /// What and why.
        reason: String,
    },
    /// Neither a known extension nor text.
    #[error("not text, and of no known extension (name the format to read it anyway)")]
    Binary,
    /// It took too long.
    #[error("reading it took more than {} s, so it was given up", limit.as_secs_f32())]
    Timeout {
        /// The time allowed.
        limit: Duration,
    },
    /// It parsed, to something that is no document.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl ParseError {
    pub(crate) fn malformed(format: Format, reason: impl fmt::Display) -> Self {
        Self::Malformed { format, reason: reason.to_string() }
    }

    /// Errors of ours that travelled through a reader as [`io::Error`] come out as themselves.
    pub(crate) fn from_read(error: io::Error) -> Self {
        match error.downcast::<ParseError>() {
            Ok(ours) => ours,
            Err(source) => Self::Io { source },
        }
    }

    /// To travel through an interface that knows only [`io::Error`].
    pub(crate) fn into_read(self) -> io::Error {
        io::Error::other(self)
    }
}

/// One record that could not be read; the others of its file could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Which: `path#line`.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Whether all that is wrong is that it has no text: then the whole file may be of another kind than documents.
    pub lacks_text: bool,
}

impl RecordError {
    /// A record at `source` that cannot be read because of `reason`.
    pub fn new(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { source: source.into(), reason: reason.into(), lacks_text: false }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

impl std::error::Error for RecordError {}
