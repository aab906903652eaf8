//! What an open database does by itself: vectors for documents that were stored without, and rows of a model that serves no more away.
//!
//! One thread, which ends when there is nothing left to do, when it is asked to, or with the last handle. It goes through the same doors as
//! everybody else, so that a document replaced under its hands is simply not its business any more.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::database::{Inner, manifest};
use crate::error::{Error, Result};
use crate::ingest::control::{Cancel, Control};
use crate::ingest::reembed::reembed;
use crate::ingest::vacate::drop_rows;
use crate::schema::{ONLY, TOTALS};

/// See the module. Dropping it stops it and waits.
#[derive(Debug)]
pub(crate) struct Background {
    cancel: Cancel,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Background {
    /// One that does nothing.
    pub(crate) fn none() -> Self {
        Self { cancel: Cancel::new(), thread: Mutex::new(None) }
    }

    /// Starts, if there is something to do.
    ///
    /// # Errors
    /// When the store cannot be read or the system gives no thread.
    pub(crate) fn start(inner: &Arc<Inner>) -> Result<Self> {
        let background = Self::none();
        let totals = inner.store.get(&TOTALS, ONLY)?.unwrap_or_default();
        let pending = inner.embeds_text() && totals.vectors(inner.slot) < totals.chunks;
        let stale =
            manifest::next_model(&inner.store.manifest().fields).is_none() && totals.vectors(inner.slot.other()) > 0;
        if !pending && !stale {
            return Ok(background);
        }
        let (inner, cancel) = (Arc::clone(inner), background.cancel.clone());
        let thread = std::thread::Builder::new()
            .name("neodex-background".to_owned())
            .spawn(move || {
                // There is nobody to tell: what could not be done is still to be done when the database is next opened, or `reembed` says why.
                let _ = work(&inner, pending, stale, cancel);
            })
            .map_err(Error::io("thread"))?;
        *background.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(background)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Had it panicked, the store would still be sound.
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(inner: &Inner, pending: bool, stale: bool, cancel: Cancel) -> Result<()> {
    // What somebody waits for goes first.
    if pending {
        reembed(inner, &Control::new(cancel.clone(), None))?;
    }
    if stale {
        drop_rows(&inner.store, inner.slot.other(), &cancel)?;
    }
    Ok(())
}
