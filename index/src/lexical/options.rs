//! What opening a lexical index takes and tells.

/// How to open a lexical index.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whose index this is: the folder of another database is emptied, not searched.
    pub database_id: String,
    /// Memory for text that is being indexed, over all threads; at least 15 MB a thread are taken.
    pub memory_budget_bytes: usize,
    /// Threads that index, 1 to 8.
    pub threads: usize,
}

impl OpenOptions {
    /// For the database `database_id`: 64 MiB and two threads.
    pub fn new(database_id: impl Into<String>) -> Self {
        Self { database_id: database_id.into(), memory_budget_bytes: 64 << 20, threads: 2 }
    }
}

/// What was found on opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The `Sequence` of the last commit: everything after it has to be replayed. `None` for a new or emptied index.
    pub watermark: Option<u64>,
    /// Why the index had to be emptied, when it had to.
    pub rebuilt: Option<String>,
}
