//! From raw text to batches of token ids.

mod corpus;
mod error;
mod records;
mod tokenizer;
mod vocabulary;

pub use corpus::{Corpus, Document, Fields};
pub use error::{Error, ErrorKind, Result};
pub use records::{BadRecord, Record, Records, Report};
pub use tokenizer::{Kind, TokenizerOptions, train_tokenizer};
pub use vocabulary::{LARGEST_VOCABULARY, SPECIAL_TOKENS, TextTokens, Vocabulary};
