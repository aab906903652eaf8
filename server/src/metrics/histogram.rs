//! A histogram of fixed buckets that may be observed from many threads at once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of values up to each bound, and their sum.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// One a bound, and one for everything above the last.
    counts: Vec<AtomicU64>,
    /// In millionths, so that it can be added to atomically.
    sum: AtomicU64,
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }

    /// For each bound how many values are not above it; then the number of all values, and their sum.
    pub(crate) fn read(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let mut total = 0;
        let mut upto = |count: &AtomicU64| {
            total += count.load(Ordering::Relaxed);
            total
        };
        let buckets = self.bounds.iter().copied().zip(self.counts.iter().map(&mut upto)).collect();
        let all = self.counts.last().map_or(0, upto);
        (buckets, all, self.sum.load(Ordering::Relaxed) as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_what_is_not_above_them() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.read(), (vec![(1.0, 2), (2.0, 3)], 4, 12.0));
    }
}
