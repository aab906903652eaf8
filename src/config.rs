//! What a database can be told when it is opened.
//!
//! Two kinds of settings live here: those that become part of the database (how text is cut, the distance, how rows are kept) and are
//! checked against its manifest on every open, and those of the process (memory, threads), free to differ each time.

use neodex_index::vector::{BuildOptions, Distance, Rescoring, RowFormat, SealPolicy, SearchOptions};

use crate::chunking::ChunkingConfig;
use crate::error::{Error, Result};

/// Settings of a database. The default suits most.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How documents are cut into chunks. Part of the database.
    pub chunking: ChunkingConfig,
    /// How vectors are compared. Part of the database.
    pub distance: Distance,
    /// How full-precision rows are kept beside the codes. Part of the database.
    pub rows: RowFormat,
    /// Tokens of one window of late chunking, at most the model's context; `None` takes the model's own default. Part of the database.
    pub window_tokens: Option<usize>,
    /// Memory for the store's page cache, in bytes.
    pub cache_bytes: u64,
    /// Memory for building the lexical index, in bytes, over all its threads.
    pub indexing_memory_bytes: usize,
    /// Texts on their way through parsing, embedding and committing, in bytes; what bounds the memory of an ingest.
    pub in_flight_bytes: usize,
    /// When vectors are sealed into segments, and segments merged.
    pub sealing: SealPolicy,
    /// How segments are built.
    pub graph: BuildOptions,
    /// What segments keep of every vector for the second look: by 12 bits a value, or 16, read from the full rows as segments are opened and
    /// built. The scores of a database that keeps its rows in `f32` are by those all the same.
    pub rescoring: Rescoring,
    /// Walk through segments by one bit of each value: for so many vectors that memory decides how fast a walk is. Takes an eighth to a quarter of a byte a
    /// value more. For vectors compared by cosine; it changes nothing for others. See [`Segment::with_signs`](neodex_index::vector::Segment::with_signs).
    pub binary: bool,
    /// How widely segments are searched.
    pub search: SearchOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chunking: ChunkingConfig::default(),
            distance: Distance::Cosine,
            rows: RowFormat::F16,
            window_tokens: None,
            cache_bytes: 64 << 20,
            indexing_memory_bytes: 96 << 20,
            in_flight_bytes: 32 << 20,
            sealing: SealPolicy::default(),
            graph: BuildOptions::default(),
            rescoring: Rescoring::default(),
            binary: false,
            search: SearchOptions::default(),
        }
    }
}

impl Config {
    /// Checks the settings that could not work.
    ///
    /// # Errors
    /// [`Error::Argument`] names the setting and the range that works.
    pub fn validate(&self) -> Result<()> {
        let argument = |field, reason: &str| Err(Error::Argument { field, reason: reason.to_owned() });
        if self.chunking.target_tokens == 0 || self.chunking.max_tokens < self.chunking.target_tokens {
            return argument("chunking", "target_tokens must be at least 1 and at most max_tokens");
        }
        if self.window_tokens.is_some_and(|tokens| tokens < 16) {
            return argument("window_tokens", "a window must hold at least 16 tokens");
        }
        if self.indexing_memory_bytes < 30 << 20 {
            return argument("indexing_memory_bytes", "at least 30 MB are needed");
        }
        if self.in_flight_bytes < 1 << 20 {
            return argument("in_flight_bytes", "at least 1 MB is needed");
        }
        Ok(())
    }
}
