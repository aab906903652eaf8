//! The one thread that runs the model for requests. It takes what is waiting, up to the token budget; while it computes, the next batch
//! gathers by itself, so under load batches are full without anybody waiting. Only when a request is known to be on its way does it wait
//! a moment, and a lone client never does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Instant;

use neodex::Embedder;

use crate::config::Batching;
use crate::embed::Role;
use crate::embed::queue::{Job, Rate};
use crate::metrics::Metrics;

/// See the module.
pub(crate) struct Batcher {
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) batching: Batching,
    pub(crate) arriving: Arc<AtomicUsize>,
    pub(crate) rate: Arc<Rate>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Batcher {
    /// Runs until every sender is gone.
    pub(crate) fn run(&self, queue: &Receiver<Job>) {
        let mut held = None;
        loop {
            let first = match held.take().map_or_else(|| queue.recv(), Ok) {
                Ok(job) => job,
                Err(_) => return,
            };
            let batch;
            (batch, held) = self.gather(first, queue);
            self.compute(batch);
        }
    }

    /// The batch that begins with `first`, and the job that did not fit any more.
    fn gather(&self, first: Job, queue: &Receiver<Job>) -> (Vec<Job>, Option<Job>) {
        let until = Instant::now() + self.batching.wait;
        let mut tokens = first.tokens;
        let mut batch = vec![first];
        while tokens < self.batching.batch_tokens {
            let next = match queue.try_recv() {
                Err(TryRecvError::Empty) if self.arriving.load(Ordering::Acquire) > 0 => {
                    match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                        Ok(job) => job,
                        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                    }
                }
                Ok(job) => job,
                Err(_) => break,
            };
            if tokens + next.tokens > self.batching.batch_tokens {
                return (batch, Some(next));
            }
            tokens += next.tokens;
            batch.push(next);
        }
        (batch, None)
    }

    fn compute(&self, batch: Vec<Job>) {
        // A caller that went away costs nothing more.
        let (wanted, dropped): (Vec<Job>, Vec<Job>) = batch.into_iter().partition(|job| !job.reply.is_closed());
        drop(dropped);
        let (queries, documents): (Vec<Job>, Vec<Job>) = wanted.into_iter().partition(|job| job.role == Role::Query);
        for (role, jobs) in [(Role::Query, queries), (Role::Document, documents)] {
            if !jobs.is_empty() {
                self.compute_role(role, jobs);
            }
        }
    }

    fn compute_role(&self, role: Role, jobs: Vec<Job>) {
        let tokens: usize = jobs.iter().map(|job| job.tokens).sum();
        let texts: Vec<&str> = jobs.iter().flat_map(|job| &job.texts).map(String::as_str).collect();
        let started = Instant::now();
        let made = catch_unwind(AssertUnwindSafe(|| self.embed(role, &texts)))
            .unwrap_or_else(|_| Err("the model panicked".to_owned()));
        let took = started.elapsed();
        self.rate.observe(tokens, took);
        self.metrics.batch(texts.len(), tokens, self.batching.batch_tokens, took);
        match made {
            Ok(vectors) => {
                let mut vectors = vectors.into_iter();
                for job in jobs {
                    let own = vectors.by_ref().take(job.texts.len()).collect();
                    // Nobody may be waiting any more.
                    let _ = job.reply.send(Ok(own));
                }
            }
            Err(reason) => jobs.into_iter().for_each(|job| drop(job.reply.send(Err(reason.clone())))),
        }
    }

    fn embed(&self, role: Role, texts: &[&str]) -> Result<Vec<Vec<f32>>, String> {
        let vectors = match role {
            Role::Query => self.embedder.embed_queries(texts).map_err(|error| error.to_string())?,
            Role::Document => self.embedder.embed_texts(texts).map_err(|error| error.to_string())?,
        };
        if vectors.len() != texts.len() {
            return Err(format!("the model made {} vectors of {} texts", vectors.len(), texts.len()));
        }
        Ok(vectors)
    }
}
