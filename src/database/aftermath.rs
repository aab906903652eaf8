//! After a process that did not close the database: everything is checked while it is in use, without anybody waiting for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use neodex_storage::Store;

use crate::database::{Database, Fault, verify};
use crate::error::{Error, Result};

/// The check rests this long after so many values, so that searches hardly notice it.
const REST: Duration = Duration::from_micros(300);

/// What is known of the state of an open database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It was closed properly last time: there is no reason to doubt it.
    Closed,
    /// It was not, and is being checked.
    Checking,
    /// It was not, and was found sound.
    Sound,
    /// It was not, and these faults were found; `repair` saves what can be saved.
    Faults(Vec<Fault>),
    /// It could not be checked, for this reason.
    Unknown(String),
}

/// The check, under way or done.
#[derive(Debug)]
pub(crate) struct Aftermath {
    stop: Arc<AtomicBool>,
    found: Arc<OnceLock<Health>>,
    thread: Option<JoinHandle<()>>,
}

impl Aftermath {
    /// Begins to check the store if the last process did not close it.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub(crate) fn after_crash(store: &Store) -> Result<Self> {
        let (stop, found) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::new()));
        if !store.recovered_from_crash() {
            let _ = found.set(Health::Closed);
            return Ok(Self { stop, found, thread: None });
        }
        let check = {
            let (store, stop, found) = (store.clone(), Arc::clone(&stop), Arc::clone(&found));
            move || {
                let checked = verify::store(&store, &mut |_| {
                    std::thread::sleep(REST);
                    !stop.load(Ordering::Relaxed)
                });
                let _ = found.set(match checked {
                    Ok(None) => return,
                    Ok(Some(verification)) if verification.faults.is_empty() => Health::Sound,
                    Ok(Some(verification)) => Health::Faults(verification.faults),
                    Err(error) => Health::Unknown(error.to_string()),
                });
            }
        };
        let thread = std::thread::Builder::new().name("neodex-verify".to_owned()).spawn(check);
        Ok(Self { stop, found, thread: Some(thread.map_err(Error::io("thread"))?) })
    }
}

impl Drop for Aftermath {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has told nobody anything wrong.
            let _ = thread.join();
        }
    }
}

impl Database {
    /// What is known of the state of the database. After a process that did not close it, the whole store is checked in the background;
    /// everything acknowledged is there meanwhile, and this tells when the check is done and what it found.
    pub fn health(&self) -> Health {
        self.inner.aftermath.found.get().cloned().unwrap_or(Health::Checking)
    }
}
