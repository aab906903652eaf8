//! How a run ends: one message, and one of the five statuses scripts rely on.

use std::fmt;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use neodex::ErrorKind;

/// How a command that ran to its end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// All of it: 0.
    Done,
    /// Nothing was found, or some input failed: 1.
    Partly,
    /// The database has faults: 3.
    Unusable,
    /// Stopped by the user: 130.
    Interrupted,
}

impl Status {
    fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Partly => 1,
            Status::Unusable => UNUSABLE,
            Status::Interrupted => INTERRUPTED,
        }
    }
}

/// The status of a run the user stopped, as shells have it for SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
const INPUT: u8 = 2;
const UNUSABLE: u8 = 3;

/// Something typed that cannot work: status 2.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that ends with status 2.
pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Whether an error is one of [`usage`].
pub(crate) fn is_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Usage>())
}

/// Tells the user about an error, and chooses the status.
pub(crate) fn end(result: Result<Status>) -> ExitCode {
    match result {
        Ok(status) => status.code().into(),
        // Whoever closed the pipe has read all they wanted.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("neodex: {}", message(&error));
            code(&error).into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<io::Error>().map(io::Error::kind);
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// The message and its causes, each said once: many messages quote their cause already.
fn message(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<Usage>() {
            return INPUT;
        }
        if let Some(error) = cause.downcast_ref::<neodex::Error>() {
            return match error.kind() {
                ErrorKind::Input | ErrorKind::NotFound => INPUT,
                ErrorKind::Unusable => UNUSABLE,
                ErrorKind::Cancelled => INTERRUPTED,
                _ => 1,
            };
        }
        if let Some(error) = cause.downcast_ref::<neodex_training::Error>() {
            use neodex_training::ErrorKind::{Corrupted, InvalidInput, NotFound, Unavailable};
            return match error.kind() {
                InvalidInput | NotFound | Corrupted | Unavailable => INPUT,
                _ => 1,
            };
        }
        if let Some(error) = cause.downcast_ref::<neodex_server::Error>() {
            return match error.kind() {
                neodex_server::ErrorKind::Input => INPUT,
                _ => 1,
            };
        }
        if let Some(error) = cause.downcast_ref::<neodex_eval::Error>() {
            let missing = |source: &io::Error| source.kind() == io::ErrorKind::NotFound;
            let system = matches!(error, neodex_eval::Error::Io { source, .. } if !missing(source));
            return if system { 1 } else { INPUT };
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn causes_are_said_once() {
        let error = anyhow!("disk full").context("a.txt: disk full").context("cannot write");
        assert_eq!(message(&error), "cannot write: a.txt: disk full");
    }

    #[test]
    fn the_status_says_whose_fault_it_was() {
        assert_eq!(code(&usage("x").context("y")), 2);
        assert_eq!(code(&neodex::Error::NoEmbedder.into()), 2);
        assert_eq!(code(&neodex::Error::Cancelled.into()), 130);
        assert_eq!(code(&neodex::Error::NoDatabase { path: "x".into() }.into()), 2);
        assert_eq!(code(&anyhow!("x")), 1);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let closed = Err::<Status, _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot print");
        assert!(closed.is_err_and(|error| is_broken_pipe(&error)));
    }
}
