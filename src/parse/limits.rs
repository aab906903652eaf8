//! What one file may cost, so that a hostile one is refused instead of filling memory.

use crate::document::MAX_TEXT_BYTES;
use std::time::Duration;

/// Limits on a file. The defaults let every honest document through.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The longest file read as one document, unpacked, in bytes (default 512 MiB).
    pub max_document_bytes: usize,
    /// The longest record of a stream (a line, a row), in bytes (default 64 MiB).
    pub max_record_bytes: usize,
    /// All that a docx, an epub or a packed parquet may unpack to, in bytes (default 2 GiB).
    pub max_unpacked_bytes: u64,
    /// Unpacked bytes per packed byte, judged once [`Limits::ratio_from_bytes`] have come out (default 250).
    pub max_ratio: u64,
    /// Unpacked bytes that are always allowed, whatever the ratio (default 16 MiB).
    pub ratio_from_bytes: u64,
    /// Pages read of a pdf (default 20,000).
    pub max_pages: usize,
    /// Time for one pdf (default 60 s).
    pub max_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_document_bytes: MAX_TEXT_BYTES,
            max_record_bytes: 64 << 20,
            max_unpacked_bytes: 2 << 30,
            max_ratio: 250,
            ratio_from_bytes: 16 << 20,
            max_pages: 20_000,
            max_time: Duration::from_secs(60),
        }
    }
}
