//! What can go wrong in the store, each with the facts a person needs to act on it.
//!
//! [`Error::kind`] says whose fault it is, so that nobody above has to match on text.

use std::path::{Path, PathBuf};

/// `Result` with the store's own error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything the store can report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb ("read", "lock").
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },

    /// There is no database in this folder.
    #[error("there is no neodex database in {}; create one there, or check the path", path.display())]
    NotFound {
        /// The folder that was asked for.
        path: PathBuf,
    },

    /// A database was to be created where one already is.
    #[error("there is already a neodex database in {}; open it instead", path.display())]
    AlreadyExists {
        /// The folder that was asked for.
        path: PathBuf,
    },

    /// Another process, or another handle in this one, has the database open.
    #[error("the database in {} is already open{}; close it there first", path.display(), by(*pid))]
    Locked {
        /// The folder of the database.
        path: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },

    /// The database was written by a later version of this program.
    #[error(
        "the database in {} was made by a newer neodex (format {found}; this one reads up to {supported}): \
         upgrade neodex to open it", path.display()
    )]
    UnsupportedFormat {
        /// The folder of the database.
        path: PathBuf,
        /// The format that the database has.
        found: u32,
        /// The newest format that this program reads.
        supported: u32,
    },

    /// A snapshot was written by a later version of this program.
    #[error(
        "the snapshot was made by a newer neodex (layout {found}; this one reads up to {supported}): upgrade neodex"
    )]
    UnsupportedSnapshot {
        /// The layout that the snapshot has.
        found: u32,
        /// The newest layout that this program reads.
        supported: u32,
    },

    /// A snapshot cannot be restored.
    #[error("the snapshot cannot be used: {reason}")]
    BadSnapshot {
        /// What is wrong with it.
        reason: String,
    },

    /// The database as a whole cannot be opened.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file or folder at fault.
        path: PathBuf,
        /// What is wrong and what to do about it.
        reason: String,
    },

    /// One stored value is not what was written.
    #[error("table {table}, key {key}: the stored value is damaged ({reason}); run `neodex repair`")]
    Corrupted {
        /// The table's name.
        table: String,
        /// The key, readable where it is text, hexadecimal otherwise.
        key: String,
        /// What did not fit.
        reason: String,
    },

    /// A key is longer than the store takes.
    #[error("a key of table {table} is {found} bytes long; at most {limit} are possible")]
    KeyTooLarge {
        /// The table's name.
        table: String,
        /// Length of the key in bytes.
        found: usize,
        /// The longest key possible in bytes.
        limit: usize,
    },

    /// A value is longer than the store takes in one row.
    #[error("a value of table {table} is {found} bytes long; at most {limit} fit in a row: write it in parts")]
    ValueTooLarge {
        /// The table's name.
        table: String,
        /// Length of the value in bytes.
        found: usize,
        /// The longest value possible in bytes.
        limit: usize,
    },

    /// A manifest field cannot be written as a `name = value` line.
    #[error("manifest field {name:?} cannot be stored: {reason}")]
    InvalidField {
        /// The field's name.
        name: String,
        /// Why not.
        reason: &'static str,
    },

    /// A transaction wrote more than one journal entry.
    #[error("transaction {sequence} already has a journal entry; a transaction has at most one")]
    SecondJournalEntry {
        /// The transaction's number.
        sequence: u64,
    },

    /// A counter has no number left to give.
    #[error("counter {counter} cannot give {asked} more numbers")]
    CounterExhausted {
        /// The counter's name.
        counter: &'static str,
        /// How many numbers were asked for.
        asked: u64,
    },

    /// sled could not read.
    #[error("the store could not {action}: {source}")]
    Engine {
        /// What was attempted, as a verb.
        action: &'static str,
        /// What sled said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Whether sled says that its own file is damaged.
        damaged: bool,
    },

    /// The write that this transaction was part of failed; whether it is durable is unknown until the next open.
    #[error("writing to the store failed while it tried to {step}: {reason}; reopen the database before writing again")]
    WriteFailed {
        /// What was attempted, as a verb.
        step: &'static str,
        /// What went wrong.
        reason: String,
    },

    /// An earlier write failed, so this one was not attempted.
    #[error("the database refuses to write since an earlier write failed ({reason}); reopen it")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },

    /// A mistake in the program itself.
    #[error("internal error in the store: {reason}; please report it")]
    Internal {
        /// What happened.
        reason: String,
    },
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something impossible.
    InvalidInput,
    /// The database, or the system under it, cannot serve this now.
    Unavailable,
    /// What is stored is not what was written.
    Damaged,
    /// The database belongs to a newer program.
    Unsupported,
    /// A mistake in the program.
    Internal,
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::KeyTooLarge { .. }
            | Self::ValueTooLarge { .. }
            | Self::InvalidField { .. }
            | Self::SecondJournalEntry { .. }
            | Self::CounterExhausted { .. } => ErrorKind::InvalidInput,
            Self::Io { .. }
            | Self::Locked { .. }
            | Self::WriteFailed { .. }
            | Self::Poisoned { .. }
            | Self::Engine { damaged: false, .. } => ErrorKind::Unavailable,
            Self::Damaged { .. }
            | Self::Corrupted { .. }
            | Self::BadSnapshot { .. }
            | Self::Engine { damaged: true, .. } => ErrorKind::Damaged,
            Self::UnsupportedFormat { .. } | Self::UnsupportedSnapshot { .. } => ErrorKind::Unsupported,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// Whether a database was in the way of a new one.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// Turns an operating system error into ours, with what was attempted and where.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// Turns sled's error into ours, with what was attempted.
    pub(crate) fn engine(action: &'static str) -> impl FnOnce(sled::Error) -> Self {
        move |source| Self::Engine {
            action,
            damaged: matches!(source, sled::Error::Corruption { .. }),
            source: Box::new(source),
        }
    }

    /// A folder or file that is beyond opening.
    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), reason: reason.into() }
    }
}

/// Names the process that holds a lock, where it is known.
fn by(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" in process {pid}"))
}

/// The words a panic was raised with.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without words".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every message names its facts and says what to do; every kind is the one meant.
    #[test]
    fn messages_carry_their_facts() {
        let path = || PathBuf::from("/data/db");
        let io = || std::io::Error::other("disk gone");
        let cases = [
            (
                Error::io("read", Path::new("/data/db"))(io()),
                ErrorKind::Unavailable,
                "could not read /data/db: disk gone",
            ),
            (Error::NotFound { path: path() }, ErrorKind::InvalidInput, "no neodex database in /data/db"),
            (
                Error::Locked { path: path(), pid: Some(17) },
                ErrorKind::Unavailable,
                "already open in process 17; close",
            ),
            (Error::Locked { path: path(), pid: None }, ErrorKind::Unavailable, "already open; close"),
            (
                Error::UnsupportedFormat { path: path(), found: 9, supported: 1 },
                ErrorKind::Unsupported,
                "made by a newer neodex (format 9; this one reads up to 1)",
            ),
            (Error::damaged(&path(), "bits"), ErrorKind::Damaged, "/data/db is damaged: bits"),
            (
                Error::ValueTooLarge { table: "rows".into(), found: 4000, limit: 3840 },
                ErrorKind::InvalidInput,
                "4000 bytes long; at most 3840",
            ),
            (Error::engine("scan")(sled::Error::Corruption { at: None, bt: () }), ErrorKind::Damaged, "could not scan"),
            (Error::engine("scan")(sled::Error::Io(io())), ErrorKind::Unavailable, "could not scan"),
            (Error::Poisoned { reason: "fsync".into() }, ErrorKind::Unavailable, "earlier write failed (fsync)"),
        ];
        for (error, kind, words) in cases {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
