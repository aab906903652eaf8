//! From raw text to batches of token ids.

mod corpus;
mod error;
mod map;
mod output;
mod records;
mod segment;
pub mod shard;
mod tokenizer;
mod vocabulary;

pub use corpus::{Corpus, Document, Fields};
pub use error::{Error, ErrorKind, Result};
pub use records::{BadRecord, Record, Records, Report};
pub use segment::{Layout, SegmentKind, segments};
pub use shard::{ShardOptions, Shards, build_shards};
pub use tokenizer::{Kind, TokenizerOptions, train_tokenizer};
pub use vocabulary::{LARGEST_VOCABULARY, SPECIAL_TOKENS, TextTokens, Vocabulary};
