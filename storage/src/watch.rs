//! Which rows change while a copy of the store is being made.
//!
//! A copy reads the tables while writes go on. Whoever makes one watches: the key of every row that is about to be
//! written is noted first, so that whatever the scan saw of it can be corrected afterwards. Nobody begins to watch between
//! a note and the write that it announces: such a scan would see half of the write, and not know.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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
    /// Begins to watch, after the write that is under way.
    pub(crate) fn watch(&self) -> Watch {
        let changed = Arc::default();
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.push(Arc::downgrade(&changed));
        Watch { changed }
    }

    /// Notes what is about to be written, and keeps new watches waiting until it is.
    #[must_use = "to be held until the changes are written"]
    pub(crate) fn note(&self, changes: &Overlay) -> Noted<'_> {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| {
            let Some(watch) = watch.upgrade() else { return false };
            let mut changed = watch.lock().unwrap_or_else(PoisonError::into_inner);
            changed.extend(changes.keys().cloned());
            true
        });
        Noted { _watches: watches }
    }
}

/// Held between a note and the end of its write.
#[derive(Debug)]
pub(crate) struct Noted<'w> {
    _watches: MutexGuard<'w, Vec<Weak<Mutex<Changed>>>>,
}

impl Watch {
    /// The keys noted since the last call.
    pub(crate) fn take(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn nobody_begins_to_watch_in_the_middle_of_a_write() {
        let watchers = Watchers::default();
        let early = watchers.watch();
        let mut changes = Overlay::default();
        changes.set(vec![16, 1], None);
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            let noted = watchers.note(&changes);
            scope.spawn(|| {
                let late = watchers.watch();
                sender.send(late.take().len()).unwrap();
            });
            let waiting = receiver.recv_timeout(Duration::from_millis(30));
            assert_eq!(waiting, Err(RecvTimeoutError::Timeout), "the late one would miss what is being written");
            drop(noted);
        });
        assert_eq!(receiver.recv().unwrap(), 0);
        assert_eq!(early.take().len(), 1);
    }
}
