//! How a store is opened.

use crate::failpoint::Failpoint;

/// Options for opening or creating a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub(crate) cache_capacity_bytes: u64,
    pub(crate) accept_loss: bool,
    pub(crate) failpoint: Failpoint,
}

/// The default of [`StoreOptions::cache_capacity_bytes`]: 64 MiB.
pub const DEFAULT_CACHE_CAPACITY_BYTES: u64 = 64 << 20;

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_capacity_bytes: DEFAULT_CACHE_CAPACITY_BYTES, accept_loss: false, failpoint: Failpoint::default() }
    }
}

impl StoreOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Memory for pages that were read or written lately, in bytes; default [`DEFAULT_CACHE_CAPACITY_BYTES`].
    #[must_use]
    pub fn cache_capacity_bytes(mut self, bytes: u64) -> Self {
        self.cache_capacity_bytes = bytes;
        self
    }

    /// Opens a store that is known to have lost its last transactions, with what is left of it; default no, since going
    /// on would bury the loss. For whoever repairs a database.
    #[must_use]
    pub fn accept_loss(mut self, accept: bool) -> Self {
        self.accept_loss = accept;
        self
    }

    /// Lets a test make this store's writes fail.
    #[doc(hidden)]
    #[must_use]
    pub fn failpoint(mut self, failpoint: Failpoint) -> Self {
        self.failpoint = failpoint;
        self
    }
}
