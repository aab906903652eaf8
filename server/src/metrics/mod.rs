//! Figures for Prometheus, counted as things happen and written when they are asked for.

mod histogram;
mod render;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use neodex::{Mode, Stored};

pub(crate) use histogram::Histogram;
pub(crate) use render::{Sizes, render};

/// Seconds; from an answer out of memory to one that made somebody complain.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Parts of a full batch.
const FILL: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0];

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What requests are told apart by: method, the route's pattern (never the path, which has no end of values), status.
pub(crate) type RequestLabels = (String, String, u16);

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<RequestLabels, Histogram>>,
    searches: Mutex<BTreeMap<&'static str, Histogram>>,
    pub(crate) in_flight: AtomicI64,
    pub(crate) connections: AtomicI64,
    pub(crate) slow_queries: Counter,
    pub(crate) cached_queries: Counter,
    pub(crate) embedded_texts: Counter,
    pub(crate) embedded_tokens: Counter,
    pub(crate) batch_seconds: Histogram,
    pub(crate) batch_fill: Histogram,
    pub(crate) added: Counter,
    pub(crate) replaced: Counter,
    pub(crate) skipped: Counter,
    pub(crate) failed: Counter,
    pub(crate) deleted: Counter,
    pub(crate) panics: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Mutex::default(),
            searches: Mutex::default(),
            in_flight: AtomicI64::default(),
            connections: AtomicI64::default(),
            slow_queries: Counter::default(),
            cached_queries: Counter::default(),
            embedded_texts: Counter::default(),
            embedded_tokens: Counter::default(),
            batch_seconds: Histogram::new(SECONDS),
            batch_fill: Histogram::new(FILL),
            added: Counter::default(),
            replaced: Counter::default(),
            skipped: Counter::default(),
            failed: Counter::default(),
            deleted: Counter::default(),
            panics: Counter::default(),
        }
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn request(&self, labels: RequestLabels, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.entry(labels).or_insert_with(|| Histogram::new(SECONDS)).observe(took.as_secs_f64());
    }

    /// A search was run.
    pub(crate) fn search(&self, mode: Mode, took: Duration) {
        let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
        searches.entry(mode.name()).or_insert_with(|| Histogram::new(SECONDS)).observe(took.as_secs_f64());
    }

    /// A batch went through the model.
    pub(crate) fn batch(&self, texts: usize, tokens: usize, budget: usize, took: Duration) {
        self.embedded_texts.add(texts as u64);
        self.embedded_tokens.add(tokens as u64);
        self.batch_seconds.observe(took.as_secs_f64());
        self.batch_fill.observe(tokens as f64 / budget.max(1) as f64);
    }

    /// A document was stored, or refused.
    pub(crate) fn stored(&self, outcome: Option<Stored>) {
        match outcome {
            Some(Stored::Added) => &self.added,
            Some(Stored::Replaced) => &self.replaced,
            Some(Stored::Skipped) => &self.skipped,
            None => &self.failed,
        }
        .add(1);
    }
}
