//! What an index holds and what it costs.

/// Figures of a lexical index as of its last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LexicalStats {
    /// Documents.
    pub documents: u64,
    /// Chunks, counting one for a document without text.
    pub chunks: u64,
    /// Terms in all texts.
    pub terms: u64,
    /// Segments.
    pub segments: usize,
    /// Bytes of the index's files.
    pub bytes: u64,
}
