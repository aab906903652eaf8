//! Everything that can go wrong between a model folder and a vector.
//!
//! One enum for the crate. Each variant carries the facts a person needs to mend the matter, and [`Error::kind`] says whose
//! fault it is, so that a server or a command line can choose a status without reading messages.

use std::path::PathBuf;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that cannot be: mend the request.
    InvalidInput,
    /// A file of the model is not there.
    NotFound,
    /// A file of the model is there and cannot be what it claims to be.
    Corrupted,
    /// The model or the device is fine, but this build cannot serve it.
    Unavailable,
    /// The machine, or this crate.
    Internal,
}

/// A failure of loading a model or of encoding with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that every model of this layout has is absent.
    #[error("{} is missing: {needed_for}", path.display())]
    MissingFile {
        /// Where it was looked for.
        path: PathBuf,
        /// What it holds, and what to do.
        needed_for: &'static str,
    },
    /// A file is there but could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A JSON file of the model does not parse, or a value in it is of the wrong type.
    #[error("{file} is not valid: {source}")]
    InvalidJson {
        /// The file's name within the model.
        file: String,
        /// The parser's complaint, with its line.
        source: serde_json::Error,
    },
    /// The model is of another family.
    #[error("the model is of type `{found}`, and this build reads {supported}; choose another `--model`")]
    UnsupportedArchitecture {
        /// `model_type` of its config.
        found: String,
        /// What can be read.
        supported: &'static str,
    },
    /// A value of `config.json` makes no sense, alone or beside the others.
    #[error("config.json: `{field}` {reason}")]
    Config {
        /// The key.
        field: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A step of the sentence-transformers pipeline that is not built.
    #[error("modules.json asks for `{found}`; only Transformer, Pooling and Normalize are supported")]
    UnsupportedModule {
        /// The module's type, or the path that cannot be followed.
        found: String,
    },
    /// A way of pooling that is not built.
    #[error("the model pools by `{found}`; only `mean` and `cls` are supported")]
    UnsupportedPooling {
        /// The mode or modes switched on.
        found: String,
    },
    /// `tokenizer.json` could not be read, or failed on a text.
    #[error("tokenizer.json: {reason}")]
    Tokenizer {
        /// What the tokenizer said.
        reason: String,
    },
    /// The tokenizer may produce ids that the model has no embedding for.
    #[error(
        "the tokenizer's largest token id is {largest_id}, but the model embeds {vocab_size} ids: the two do not belong together"
    )]
    VocabularyMismatch {
        /// Largest id of the tokenizer.
        largest_id: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// The weights are not a safetensors file, or were cut off.
    #[error("the weights are damaged or not in safetensors format: {source}")]
    DamagedWeights {
        /// The parser's complaint.
        source: safetensors::SafeTensorError,
    },
    /// A tensor of the architecture is absent.
    #[error("the weights have no tensor `{name}` (with or without a prefix such as `model.`)")]
    MissingWeight {
        /// Its name without prefix.
        name: String,
    },
    /// A tensor has another shape than the config implies.
    #[error("tensor `{name}` has shape {found:?}, but config.json implies {expected:?}")]
    ShapeMismatch {
        /// Its name without prefix.
        name: String,
        /// Shape implied by the config.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor is stored in a number format that is not read.
    #[error("tensor `{name}` is stored as {found}; only F32, F16, BF16 and, for matrices, I8 are read")]
    UnsupportedDtype {
        /// Its name without prefix.
        name: String,
        /// The format in the file.
        found: String,
    },
    /// A NaN or an infinity where a number belongs.
    #[error("{what} is not finite: the weights are damaged")]
    NotFinite {
        /// The tensor or the vector.
        what: String,
    },
    /// The truncated dimension asked for is not within the model's.
    #[error("a dimension of {dimension} was asked for; this model gives 1 to {hidden_size}")]
    DimensionOutOfRange {
        /// Asked for.
        dimension: usize,
        /// The model's own.
        hidden_size: usize,
    },
    /// A device name that cannot be read.
    #[error("`{found}` is not a device; use `auto`, `cpu`, `cuda` or `cuda:N`")]
    InvalidDevice {
        /// What was given.
        found: String,
    },
    /// The device asked for cannot be used by this build or on this machine.
    #[error("device `{device}` cannot be used: {reason}")]
    DeviceUnavailable {
        /// Asked for.
        device: String,
        /// Which build or hardware it takes.
        reason: String,
    },
    /// The name of a precision that cannot be read.
    #[error("`{found}` is not a precision; use `auto`, `f32`, `int8`, or on a GPU `bf16` or `f16`")]
    InvalidPrecision {
        /// What was given.
        found: String,
    },
    /// The precision asked for is not there on this device, or not for this model.
    #[error("precision `{precision}` cannot be used: {reason}")]
    PrecisionUnavailable {
        /// Asked for.
        precision: String,
        /// What stands against it.
        reason: &'static str,
    },
    /// A number of an option is out of its range.
    #[error("option `{option}` is {found}; it must be at least {minimum}")]
    OptionTooSmall {
        /// Its name.
        option: &'static str,
        /// Given.
        found: usize,
        /// The least that works.
        minimum: usize,
    },
    /// A sequence of ids is longer than the model's positions.
    #[error("a sequence of {tokens} tokens is over the model's limit of {limit}")]
    TooLong {
        /// Its length.
        tokens: usize,
        /// The model's `max_length`.
        limit: usize,
    },
    /// An id outside the vocabulary.
    #[error("token id {id} is outside the vocabulary of {vocab_size}")]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Rows of the model's embedding.
        vocab_size: usize,
    },
    /// A text whose byte offsets do not fit.
    #[error("a text of {bytes} bytes is over the limit of {limit} bytes; split it first")]
    TextTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A chunk that does not lie in its document.
    #[error("chunk {chunk} of document {document} spans bytes {start}..{end}, outside its text of {text_bytes} bytes")]
    ChunkOutOfRange {
        /// Position of the document in the call.
        document: usize,
        /// Position of the chunk in the document.
        chunk: usize,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
        /// Length of the text.
        text_bytes: usize,
    },
    /// Logits were asked of a model saved without its language-model head.
    #[error("the weights have no `decoder.weight` and `decoder.bias`, so there are no logits to compute")]
    NoLanguageModelHead,
    /// Rows that are to be compared do not fit what they are said to be.
    #[error("{found} {what} were given where there must be 1 to {expected}")]
    RowsDoNotFit {
        /// What there are too many or too few of.
        what: &'static str,
        /// Given.
        found: usize,
        /// The most that would fit.
        expected: usize,
    },
    /// The thread pool could not be started.
    #[error("cannot start the encoder's threads")]
    Threads {
        /// What the pool said.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
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
            Self::MissingFile { .. } => ErrorKind::NotFound,
            Self::InvalidJson { .. }
            | Self::Config { .. }
            | Self::Tokenizer { .. }
            | Self::VocabularyMismatch { .. }
            | Self::DamagedWeights { .. }
            | Self::MissingWeight { .. }
            | Self::ShapeMismatch { .. }
            | Self::NotFinite { .. } => ErrorKind::Corrupted,
            Self::UnsupportedArchitecture { .. }
            | Self::UnsupportedModule { .. }
            | Self::UnsupportedPooling { .. }
            | Self::UnsupportedDtype { .. }
            | Self::DeviceUnavailable { .. }
            | Self::PrecisionUnavailable { .. } => ErrorKind::Unavailable,
            Self::DimensionOutOfRange { .. }
            | Self::InvalidDevice { .. }
            | Self::InvalidPrecision { .. }
            | Self::OptionTooSmall { .. }
            | Self::TooLong { .. }
            | Self::TokenOutOfRange { .. }
            | Self::TextTooLarge { .. }
            | Self::ChunkOutOfRange { .. }
            | Self::RowsDoNotFit { .. }
            | Self::NoLanguageModelHead => ErrorKind::InvalidInput,
            Self::Io { .. } | Self::Threads { .. } | Self::Compute { .. } => ErrorKind::Internal,
        }
    }
}
