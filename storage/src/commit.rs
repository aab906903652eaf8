//! The one thread that writes: it runs closures one after another, gathers them in groups, and closes the store at the end.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::group::Group;
use crate::numbers::Numbers;
use crate::submission::Job;

/// Submissions that may wait for the thread; further submitters wait for room.
const QUEUE: usize = 256;

/// The way to the commit thread. Dropping it waits until everything accepted is done and the store is closed.
#[derive(Debug)]
pub(crate) struct CommitThread {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl CommitThread {
    /// Starts the thread of this store.
    pub(crate) fn start(engine: Arc<Engine>, numbers: Numbers) -> Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        let dir = engine.dir.clone();
        let thread = thread::Builder::new()
            .name("neodex-commit".to_owned())
            .spawn(move || commit_all(&engine, numbers, &receiver))
            .map_err(Error::io("start the commit thread for", &dir))?;
        Ok(Self { queue: Some(sender), thread: Some(thread) })
    }

    /// Hands a submission over, unless this is the commit thread itself, which would wait for itself for ever.
    pub(crate) fn submit(&self, job: Box<dyn Job>) {
        let refused = match &self.queue {
            _ if self.is_current() => (job, "a transaction or its callback tried to commit"),
            None => (job, "the commit thread has gone"),
            Some(queue) => match queue.send(job) {
                Ok(()) => return,
                Err(unsent) => (unsent.0, "the commit thread has gone"),
            },
        };
        let (job, reason) = refused;
        job.release(Err(Error::Internal { reason: reason.to_owned() }));
    }

    fn is_current(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }
}

impl Drop for CommitThread {
    fn drop(&mut self) {
        let current = self.is_current();
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && !current
        {
            // The thread catches panics; one that came through has left the store unclean, which the next open notices.
            let _ = thread.join();
        }
    }
}

/// The thread's work, until every sender is gone.
fn commit_all(engine: &Engine, mut numbers: Numbers, queue: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = queue.recv() {
        let mut group = Group::begin(engine, &numbers);
        group.run(first);
        while !group.is_full() {
            match queue.try_recv() {
                Ok(next) => group.run(next),
                Err(_) => break,
            }
        }
        group.finish(&mut numbers);
    }
    engine.close();
}
