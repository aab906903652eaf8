//! Blocking work off the async threads. As many closures run at once as there are cores to run them; the others wait in line, and the line
//! has an end. A caller that went away leaves the line and costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::refusal::Refusal;

/// The line in front of the blocking threads.
pub(crate) struct Work {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// A place in the line, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Work {
    pub(crate) fn new(most_waiting: usize) -> Self {
        // Searches read from disk now and then: one more than cores keeps them busy.
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { running: Arc::new(Semaphore::new(cores + 1)), waiting: AtomicUsize::new(0), most_waiting }
    }

    /// Runs `work` on a thread where it may block.
    ///
    /// # Errors
    /// 429 when too many wait already, 500 when it panics.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let permit = {
            let place = Place(&self.waiting);
            if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.most_waiting {
                return Err(Refusal::overloaded("too many requests are waiting", 1));
            }
            let permit = Arc::clone(&self.running).acquire_owned().await;
            drop(place);
            permit.map_err(Refusal::internal)?
        };
        detached(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }

    /// Requests in line.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

/// Runs `work` on a thread of its own kind, with no line: for what is bounded otherwise.
///
/// # Errors
/// 500 when it panics.
pub(crate) async fn detached<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(Refusal::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Code;

    #[tokio::test]
    async fn the_line_has_an_end_and_panics_are_answers() {
        let work = Work::new(0);
        assert_eq!(work.run(|| 1).await.unwrap_err().code, Code::Overloaded);
        assert_eq!(work.waiting(), 0, "a refused request leaves the line");
        let work = Work::new(1);
        assert_eq!(work.run(|| 1).await.unwrap(), 1);
        assert_eq!(work.run(|| panic!("on purpose")).await.unwrap_err().code, Code::Internal);
    }
}
