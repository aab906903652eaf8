//! Recall and speed of a segment, against the true neighbours.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use neodex::Distance;
use neodex::index::vector::{Allowed, Query, SearchOptions, Segment};
use neodex::index::{Key, Scored, top_k};
use serde_json::{Value, json};

use super::NEAREST;
use crate::bench::{Vectors, thread_seconds};
use crate::progress::Progress;
use crate::units;

/// How long a speed is measured at a time. The system counts a thread's time up to its last tick, a few milliseconds ago.
const ROUND: Duration = Duration::from_millis(300);
/// Queries between two looks at the clock.
const AT_ONCE: usize = 16;

/// Queries, each with its true neighbours.
pub(super) struct Half {
    pub(super) queries: Vec<Query>,
    pub(super) truth: Vec<Vec<Key>>,
}

/// Every second query, to choose settings by, and the others, to report. A single one is both.
pub(super) fn halves(queries: Vec<Query>, truth: Vec<Vec<Key>>) -> (Half, Half) {
    let every_second = |from: usize| {
        let of = |at: &usize| at % 2 == from;
        let queries = queries.iter().zip(0..).filter(|(_, at)| of(at)).map(|(query, _)| query.clone()).collect();
        let truth = truth.iter().zip(0..).filter(|(_, at)| of(at)).map(|(nearest, _)| nearest.clone()).collect();
        Half { queries, truth }
    };
    (every_second(0), every_second(usize::from(queries.len() > 1)))
}

/// What is measured.
pub(super) struct Bench<'a> {
    pub(super) segment: &'a Segment,
    pub(super) threads: usize,
}

impl Bench<'_> {
    pub(super) fn row(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions) -> Result<Value> {
        let way = match half.queries.first() {
            Some(query) => self.segment.find_prepared(query, NEAREST, allowed, options)?.1.to_string(),
            None => String::new(),
        };
        Ok(json!({
            "what": "",
            "way": way,
            "width": options.width,
            "recall": self.recall(half, allowed, options)?,
            "queries_per_second": self.speed(half, allowed, options, 1)?,
            "threads": self.threads,
            "queries_per_second_all_threads": self.speed(half, allowed, options, self.threads)?,
        }))
    }

    pub(super) fn recall(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions) -> Result<f64> {
        let (mut hits, mut wanted) = (0, 0);
        for (query, nearest) in half.queries.iter().zip(&half.truth) {
            let (found, _) = self.segment.find_prepared(query, NEAREST, allowed, options)?;
            hits += nearest.iter().filter(|&&key| found.iter().any(|found| found.key == key)).count();
            wanted += nearest.len();
        }
        Ok(if wanted == 0 { 1.0 } else { hits as f64 / wanted as f64 })
    }

    /// Queries a second of `threads` threads that each take the next query: the best of three rounds. A single thread's own time counts; several
    /// are timed by the clock on the wall.
    fn speed(&self, half: &Half, allowed: Option<&Allowed>, options: &SearchOptions, threads: usize) -> Result<f64> {
        let mut best = 0.0f64;
        for _ in 0..3 {
            let asked = AtomicUsize::new(0);
            let (started, before) = (Instant::now(), thread_seconds());
            together(threads, || -> Result<()> {
                // All queries, again and again, until the round is long enough.
                while started.elapsed() < ROUND {
                    let first = asked.fetch_add(AT_ONCE, Ordering::Relaxed);
                    for query in half.queries.iter().cycle().skip(first % half.queries.len().max(1)).take(AT_ONCE) {
                        std::hint::black_box(self.segment.find_prepared(query, NEAREST, allowed, options)?);
                    }
                }
                Ok(())
            })?;
            let own = thread_seconds().zip(before).map(|(after, before)| after - before).filter(|_| threads < 2);
            let seconds = own.unwrap_or_else(|| started.elapsed().as_secs_f64());
            best = best.max(units::rate(asked.into_inner() as u64, seconds));
        }
        Ok(best)
    }
}

fn together(threads: usize, work: impl Fn() -> Result<()> + Sync) -> Result<()> {
    if threads < 2 {
        return work();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        let panicked = |_| Err(anyhow::anyhow!("a thread panicked"));
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(panicked))
    })
}

/// The true neighbours of every query among the keys that `allows`.
pub(super) fn exact(
    distance: Distance,
    base: &Vectors,
    asked: &Vectors,
    threads: usize,
    allows: &(dyn Fn(u64) -> bool + Sync),
    progress: &Progress,
) -> Vec<Vec<Key>> {
    let asked: Vec<&[f32]> = asked.iter().collect();
    let share = asked.len().div_ceil(threads.max(1)).max(1);
    let nearest = |query: &[f32]| -> Vec<Key> {
        let all = base.iter().zip(0..).filter(|(_, key)| allows(*key));
        let scored = all.map(|(vector, key)| Scored::new(Key(key), distance.score(query, vector)));
        progress.step();
        top_k(scored, NEAREST).into_iter().map(|best| best.key).collect()
    };
    let nearest = &nearest;
    std::thread::scope(|scope| {
        let workers: Vec<_> = asked
            .chunks(share)
            .map(|queries| scope.spawn(move || queries.iter().map(|query| nearest(query)).collect::<Vec<_>>()))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}
