//! Why a server could not start or go on. What a client did wrong is a [`Refusal`](crate::refusal::Refusal) and never ends up here.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An error of the server itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another with --addr")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Everybody on the network could have read and changed everything.
    #[error(
        "{addr} can be reached from other machines, and no key is set: set one (--api-key, or NEODEX_API_KEY), or listen on 127.0.0.1"
    )]
    Unprotected {
        /// The address asked for.
        addr: SocketAddr,
    },

    /// A setting that cannot work.
    #[error("{field}: {reason}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },

    /// A certificate or key that cannot be used.
    #[error("{}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The system gives no threads, no random numbers or no temporary folder.
    #[error("cannot start: {what}: {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        reason: String,
    },
}

/// Whose fault an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting's: starting again will fail again.
    Input,
    /// The machine's.
    System,
}

impl Error {
    /// Whose fault this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Unprotected { .. } | Error::Setting { .. } | Error::Certificate { .. } => ErrorKind::Input,
            Error::Bind { source, .. } if source.kind() == io::ErrorKind::AddrNotAvailable => ErrorKind::Input,
            Error::Bind { .. } | Error::System { .. } => ErrorKind::System,
        }
    }
}

/// What starting returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
