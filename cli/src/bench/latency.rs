//! Times of many runs of one thing.

use std::time::Duration;

/// Times, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut sorted: Vec<Duration> = times.into_iter().collect();
        sorted.sort_unstable();
        Self { sorted }
    }
}

impl Latencies {
    /// The smallest time that `percent` of all are not above, in milliseconds (nearest rank); 0 without times.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (self.sorted.len() as f64 * percent / 100.0).ceil() as usize;
        self.sorted.get(rank.max(1) - 1).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// Runs a second, one after the other; 0 without times.
    pub(crate) fn per_second(&self) -> f64 {
        let total = self.sorted.iter().sum::<Duration>().as_secs_f64();
        if total > 0.0 { self.sorted.len() as f64 / total } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Latencies = [4, 1, 3, 2].map(Duration::from_millis).into_iter().collect();
        assert_eq!([50.0, 75.0, 99.0, 100.0].map(|percent| times.percentile_ms(percent)), [2.0, 3.0, 4.0, 4.0]);
        assert!((times.per_second() - 400.0).abs() < 1e-9);
        assert_eq!(Latencies::default().percentile_ms(50.0), 0.0);
    }
}
