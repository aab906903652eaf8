//! Bars on a terminal's standard error: documents, tokens and bytes a second, time left.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use neodex::{IngestProgress, Observer};

use crate::output::Output;
use crate::units;

/// Between two looks at a bar.
const TICK: Duration = Duration::from_millis(120);

/// A bar, or nothing where nobody looks.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over bytes, for an ingest.
    pub(crate) fn ingest(output: &Output) -> Self {
        let progress = Self::new(output, None, "{spinner} [{elapsed}] {bar:24} {percent:>3}% {msg}{left}");
        progress.bar.set_message("reading");
        progress
    }

    /// A bar over things to be done, `total` of them if that is known.
    pub(crate) fn steps(output: &Output, what: &str, total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{spinner} {msg} {bar:24} {human_pos}/{human_len}{left}",
            None => "{spinner} {msg} {human_pos}",
        };
        let progress = Self::new(output, total, template);
        progress.bar.set_message(what.to_owned());
        progress
    }

    /// A bar over bytes that are brought.
    pub(crate) fn bytes(output: &Output, what: String) -> Self {
        let template = "{spinner} {msg} {bar:24} {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}{left}";
        let progress = Self::new(output, Some(0), template);
        progress.bar.set_message(what);
        progress
    }

    /// So much is done of so much; of 0 where that is not known.
    pub(crate) fn of(&self, done: u64, total: u64) {
        if total > 0 {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }

    fn new(output: &Output, total: Option<u64>, template: &str) -> Self {
        if !output.progress {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.with_key("left", left));
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// So many steps are done.
    pub(crate) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// One more step is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Says how it goes.
    pub(crate) fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Runs `print` while the bar is out of its way.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// What an ingest tells the bar. It is told of every document, so only some of it is shown.
    pub(crate) fn observer(&self) -> Observer {
        let (bar, started, shown) = (self.bar.clone(), Instant::now(), AtomicU64::new(0));
        Arc::new(move |progress: IngestProgress| {
            let now = started.elapsed();
            let tick = now.as_millis() as u64 / TICK.as_millis() as u64 + 1;
            if bar.is_hidden() || shown.swap(tick, Ordering::Relaxed) == tick {
                return;
            }
            if let Some(total) = progress.total_source_bytes {
                bar.set_length(total);
            }
            bar.set_position(progress.done_bytes);
            bar.set_message(line(&progress, now.as_secs_f64()));
        })
    }
}

fn line(progress: &IngestProgress, seconds: f64) -> String {
    let mut parts = vec![units::plural(progress.documents, "document")];
    if progress.tokens > 0 {
        parts.push(format!("{} tokens/s", units::count(units::rate(progress.tokens, seconds) as u64)));
    }
    if progress.done_bytes > 0 {
        parts.push(format!("{}/s", units::bytes(units::rate(progress.done_bytes, seconds) as u64)));
    }
    if progress.failed > 0 {
        parts.push(format!("{} failed", units::count(progress.failed)));
    }
    parts.join(", ")
}

/// The time left, once there is something to tell it by: the first batch is slow, and a guess of hours frightens people off.
fn left(state: &ProgressState, to: &mut dyn Write) {
    let done = state.pos() as f64 / state.len().unwrap_or(0).max(1) as f64;
    if let Some(left) = time_left(done, state.elapsed()) {
        // A bar that cannot be written is a bar nobody sees.
        let _ = write!(to, ", {:#} left", HumanDuration(left));
    }
}

/// By what the share `done` took; none while that says too little.
fn time_left(done: f64, elapsed: Duration) -> Option<Duration> {
    let telling = done >= 0.03 || (done >= 0.002 && elapsed >= Duration::from_secs(30));
    telling.then(|| Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 - done).max(0.0) / done).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let progress = IngestProgress { documents: 1200, tokens: 50_000, failed: 1, ..IngestProgress::default() };
        assert_eq!(line(&progress, 2.0), "1,200 documents, 25,000 tokens/s, 1 failed");
    }

    #[test]
    fn the_time_left_waits_until_it_can_be_told() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(0.0, seconds(90)), None);
        assert_eq!(time_left(0.01, seconds(7)), None);
        assert_eq!(time_left(0.25, seconds(10)), Some(seconds(30)));
        assert_eq!(time_left(0.01, seconds(40)), Some(seconds(3960)));
        assert_eq!(time_left(1.0, seconds(40)), Some(seconds(0)));
    }
}
