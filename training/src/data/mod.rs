//! From raw text to batches of token ids.

mod corpus;
mod error;
mod map;
mod output;
mod pairs;
mod passage;
mod records;
mod segment;
pub mod set;
pub mod shard;
mod tokenizer;
mod vocabulary;
mod windows;

pub use corpus::{Corpus, Document, Fields};
pub use error::{Error, ErrorKind, Result};
pub use pairs::{PairFields, PairOptions, build_pairs};
pub use passage::PassageLength;
pub use records::{BadRecord, Record, Records, Report};
pub use segment::{Layout, SegmentKind, segments};
pub use set::{NO_SPAN, Role, Set, SetWriter};
pub use shard::{ShardOptions, Shards, build_shards};
pub use tokenizer::{Kind, TokenizerOptions, train_tokenizer};
pub use vocabulary::{LARGEST_VOCABULARY, SPECIAL_TOKENS, TextTokens, Vocabulary};
pub use windows::{WindowOptions, build_windows};
