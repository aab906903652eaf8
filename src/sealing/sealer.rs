//! The thread that seals and merges, and what others see of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use neodex_index::vector::{SealPolicy, Sealing, VectorSet};
use neodex_storage::Store;
use neodex_storage::failpoint::reach;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::schema::BURIED_CODES;
use crate::sealing::Linking;
use crate::sealing::recovery::sweep_buried;
use crate::sealing::rows::FullRows;
use crate::sealing::stored::store_segment;

/// Rows of codes of deleted vectors that may lie about before they are looked through.
const MOST_BURIED: u64 = 4_096;
/// How often it looks for work unasked.
const PATROL: Duration = Duration::from_secs(60);
/// How often somebody who waits looks whether it is done.
const GLANCE: Duration = Duration::from_millis(100);

/// Who is told what a person should know of what happens in the background.
pub(crate) type Hear = Arc<dyn Fn(&str) + Send + Sync>;

/// How far the vector index is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealProgress {
    /// Vectors of the segment that is being built, and how many of them are in it; `None` when there is nothing to do.
    pub building: Option<(usize, usize)>,
    /// Why the last segment could not be built, if it could not.
    pub failed: Option<String>,
}

/// What the thread and the others share.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    stop: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether there may be something to do.
    called: bool,
    busy: bool,
    progress: SealProgress,
}

impl Signal {
    /// Says that there may be something to do.
    pub(crate) fn call(&self) {
        self.state().called = true;
        self.changed.notify_all();
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> SealProgress {
        self.state().progress.clone()
    }

    /// Waits until there is nothing to do, or `go_on` says to stop, or it has failed.
    pub(crate) fn wait(&self, mut go_on: impl FnMut(&SealProgress) -> bool) {
        let mut state = self.state();
        while (state.called || state.busy) && !self.stop.load(Ordering::Acquire) {
            let progress = state.progress.clone();
            drop(state);
            if !go_on(&progress) {
                return;
            }
            let (now, _) = self.changed.wait_timeout(self.state(), GLANCE).unwrap_or_else(PoisonError::into_inner);
            state = now;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// The thread's owner: dropping it stops the thread, at the next row it links.
#[derive(Debug)]
pub(crate) struct Sealer {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Sealer {
    /// Starts the thread, which looks for work at once. It uses half of the processors, so that searches and writers have the other half.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub(crate) fn start(
        store: Store,
        set: Arc<VectorSet>,
        policy: SealPolicy,
        linking: Linking,
        rows: FullRows,
        signal: Arc<Signal>,
        hear: Hear,
    ) -> Result<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = ThreadPoolBuilder::new()
            .num_threads(processors.div_ceil(2))
            .thread_name(|number| format!("neodex-seal-{number}"))
            .build()
            .map_err(|error| Error::io("thread")(std::io::Error::other(error)))?;
        let worker = Worker {
            store,
            set,
            policy,
            linking,
            rows,
            pool,
            signal: Arc::clone(&signal),
            hear,
            told: Mutex::default(),
        };
        signal.call();
        let thread = std::thread::Builder::new()
            .name("neodex-seal".to_owned())
            .spawn(move || worker.run())
            .map_err(Error::io("thread"))?;
        Ok(Self { signal, thread: Some(thread) })
    }

    /// What others talk to it through.
    pub(crate) fn signal(&self) -> &Signal {
        &self.signal
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.signal.stop.store(true, Ordering::Release);
        self.signal.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Had it panicked, what it was doing would be done again after the next open.
            let _ = thread.join();
        }
    }
}

struct Worker {
    store: Store,
    set: Arc<VectorSet>,
    policy: SealPolicy,
    linking: Linking,
    rows: FullRows,
    pool: ThreadPool,
    signal: Arc<Signal>,
    hear: Hear,
    /// What was last told, so that it is not told of every segment.
    told: Mutex<Option<String>>,
}

impl Worker {
    fn run(&self) {
        loop {
            {
                let mut state = self.signal.state();
                while !state.called && !self.signal.stopping() {
                    let (now, wait) =
                        self.signal.changed.wait_timeout(state, PATROL).unwrap_or_else(PoisonError::into_inner);
                    state = now;
                    state.called |= wait.timed_out();
                }
                state.called = false;
                state.busy = true;
            }
            let outcome = self.work();
            let mut state = self.signal.state();
            state.busy = false;
            state.progress.building = None;
            state.progress.failed = outcome.err().map(|error| error.to_string());
            drop(state);
            self.signal.changed.notify_all();
            if self.signal.stopping() {
                return;
            }
        }
    }

    /// Everything there is to do.
    fn work(&self) -> Result<()> {
        while !self.signal.stopping()
            && let Some(sealing) = self.set.begin(&self.policy)?
        {
            self.seal(sealing)?;
        }
        if !self.signal.stopping() && self.store.count(&BURIED_CODES) > MOST_BURIED {
            sweep_buried(&self.store, &self.set)?;
        }
        Ok(())
    }

    /// Tells whoever wants to hear it, once.
    fn tell(&self, notice: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notice) = &notice
            && told.as_ref() != Some(notice)
        {
            (self.hear)(notice);
        }
        *told = notice;
    }

    fn seal(&self, sealing: Sealing) -> Result<()> {
        let vectors = sealing.len();
        let progress = |linked: usize| {
            self.signal.state().progress.building = Some((vectors, linked));
            !self.signal.stopping()
        };
        let built = self.pool.install(|| self.linking.build(&sealing, &self.set, progress));
        self.tell(built.notice);
        let stored = match built.segment {
            Ok(Some(segment)) => {
                reach("segment.built");
                let bytes = segment.to_bytes();
                // Before it is listed: what fails here is tried again, in the same way as all of it.
                self.rows.refine(&self.store, segment).and_then(|segment| {
                    let id = store_segment(&self.store, segment.len(), &bytes, &sealing.replaced())?;
                    Ok(Some((id, segment)))
                })
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
        };
        match stored {
            Ok(Some((id, segment))) => {
                self.set.install(sealing, id, segment);
                sweep_buried(&self.store, &self.set)
            }
            Ok(None) => {
                self.set.give_up(sealing);
                Ok(())
            }
            Err(error) => {
                self.set.give_up(sealing);
                Err(error)
            }
        }
    }
}
