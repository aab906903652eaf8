//! Everything that can go wrong between a recipe and a model folder.
//!
//! One enum for the crate. Each variant carries the facts a person needs to mend the matter, and [`Error::kind`] says whose fault it
//! is, so that the command line can choose a status without reading messages.

use std::path::{Path, PathBuf};

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The recipe, a flag or the data asks for something that cannot be: mend it.
    InvalidInput,
    /// A file that was named is not there.
    NotFound,
    /// A file of a run is there and is not what it claims to be.
    Corrupted,
    /// The run itself went wrong: its numbers are no longer numbers.
    Diverged,
    /// The wish is fine, but this build or machine cannot serve it.
    Unavailable,
    /// The machine, or this crate.
    Internal,
}

/// A failure of preparing, training or writing a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key of the recipe has a value that cannot be used, alone or beside the others.
    #[error("recipe: `{field}` {reason}")]
    Config {
        /// The dotted path of the key.
        field: String,
        /// What was found and what is allowed.
        reason: String,
    },
    /// A recipe that is not one: a syntax error, an unknown key, a value of the wrong type.
    #[error("{}: {reason}", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// The parser's complaint, with its place and what is allowed there.
        reason: String,
    },
    /// An override that does not fit the recipe.
    #[error("--set {text}: {reason}")]
    Override {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The loss or the gradient is not a finite number, or the loss has left where it was for good.
    #[error(
        "the run diverged at step {step} (loss {loss}); {}",
        checkpoint.as_ref().map_or("no checkpoint was written before it".to_owned(), |path| format!("the last good checkpoint is {}", path.display()))
    )]
    Diverged {
        /// The step, from 1 over the whole phase.
        step: u64,
        /// Its loss.
        loss: f64,
        /// The last checkpoint written before it.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint that cannot be continued from.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// Its folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A tensor that a model is to start from does not fit.
    #[error("the tensor `{name}` {reason}")]
    Weights {
        /// Its name.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// A file of a run that is damaged: its bytes are not those that were written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that was noticed.
        reason: String,
    },
    /// Training data that cannot be used.
    #[error("{}: {reason}", path.display())]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, with the line where there is one.
        reason: String,
    },
    /// The tokenizer could not be trained, read or applied.
    #[error("tokenizer: {reason}")]
    Tokenizer {
        /// What it said.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The processes of a run lost each other, or do not do the same.
    #[error("process group: rank {rank}: {reason}")]
    ProcessGroup {
        /// Who noticed.
        rank: usize,
        /// What.
        reason: String,
    },
    /// Something this build or machine does not have.
    #[error("{what} is not available: {reason}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// What it takes.
        reason: String,
    },
    /// Prepared data, or the texts it is made of, cannot be used.
    #[error(transparent)]
    Prepared(#[from] crate::data::Error),
    /// The encoder refused a model or a text.
    #[error(transparent)]
    Encoder(#[from] neodex_encoder::Error),
    /// A tensor operation failed.
    #[error("a tensor operation failed: {source}")]
    Compute {
        /// What candle said.
        #[from]
        source: candle_core::Error,
    },
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } | Self::Recipe { .. } | Self::Override { .. } => ErrorKind::InvalidInput,
            Self::Checkpoint { .. } | Self::Weights { .. } | Self::Data { .. } | Self::Tokenizer { .. } => {
                ErrorKind::InvalidInput
            }
            Self::Diverged { .. } => ErrorKind::Diverged,
            Self::Damaged { .. } => ErrorKind::Corrupted,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Prepared(source) => match source.kind() {
                crate::data::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
                crate::data::ErrorKind::NotFound => ErrorKind::NotFound,
                crate::data::ErrorKind::Corrupted => ErrorKind::Corrupted,
                _ => ErrorKind::Internal,
            },
            Self::Encoder(source) => match source.kind() {
                neodex_encoder::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
                neodex_encoder::ErrorKind::NotFound => ErrorKind::NotFound,
                neodex_encoder::ErrorKind::Corrupted => ErrorKind::Corrupted,
                neodex_encoder::ErrorKind::Unavailable => ErrorKind::Unavailable,
                _ => ErrorKind::Internal,
            },
            Self::Io { .. } | Self::ProcessGroup { .. } | Self::Compute { .. } => ErrorKind::Internal,
        }
    }

    /// For `map_err`: a system error of the file `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// An error of the key `field`.
    pub(crate) fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { field: field.into(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_facts() {
        let diverged = |checkpoint| Error::Diverged { step: 7, loss: f64::NAN, checkpoint }.to_string();
        assert_eq!(diverged(None), "the run diverged at step 7 (loss NaN); no checkpoint was written before it");
        assert!(diverged(Some("run/step-5".into())).ends_with("the last good checkpoint is run/step-5"));
        let missing = Error::io(Path::new("a.toml"))(std::io::ErrorKind::NotFound.into());
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().starts_with("a.toml: "));
        let config = Error::config("run.seed", "is -1; it must be 0 or more");
        assert_eq!((config.kind(), config.to_string().contains("run.seed")), (ErrorKind::InvalidInput, true));
    }
}
