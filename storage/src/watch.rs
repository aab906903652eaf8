//! Which rows change while a copy of the store is being made.
//!
//! A copy reads the tables while writes go on. Whoever makes one watches: the key of every row that is about to be
//! written is noted first, so that whatever the scan saw of it can be corrected afterwards.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::overlay::Overlay;

/// Keys that changed, as sled sees them.
pub(crate) type Changed = BTreeSet<Vec<u8>>;

/// Everybody who makes a copy of this store at the moment.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watches: Mutex<Vec<Weak<Mutex<Changed>>>>,
}

/// One copy's notes; dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watch {
    changed: Arc<Mutex<Changed>>,
}

impl Watchers {
    /// Begins to watch.
    pub(crate) fn watch(&self) -> Watch {
        let changed = Arc::default();
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.push(Arc::downgrade(&changed));
        Watch { changed }
    }

    /// Notes what is about to be written.
    pub(crate) fn note(&self, changes: &Overlay) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            let mut changed = watch.lock().unwrap_or_else(PoisonError::into_inner);
            changed.extend(changes.keys().cloned());
            true
        });
    }
}

impl Watch {
    /// The keys noted since the last call.
    pub(crate) fn take(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
