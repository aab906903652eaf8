//! Metrics of scores that should be high for true pairs and low for false ones: average precision, and the best that any threshold reaches.

/// Average precision of `scores` (larger is more likely true): the sum over thresholds of precision times the gain in recall, as
/// scikit-learn computes it. Equal scores pass a threshold together. 0 where nothing is true.
pub fn average_precision(scores: &[f64], truths: &[bool]) -> f64 {
    let ranked = ranked(scores, truths);
    let all = truths.iter().filter(|&&truth| truth).count();
    if all == 0 {
        return 0.0;
    }
    let (mut seen, mut found, mut sum) = (0, 0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.0 == b.0) {
        seen += equal.len();
        let gain = equal.iter().filter(|(_, truth)| *truth).count();
        found += gain;
        sum += gain as f64 / all as f64 * (found as f64 / seen as f64);
    }
    sum
}

/// What the threshold that serves a figure best reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Best {
    /// The share decided rightly, at its own threshold.
    pub accuracy: f64,
    /// That threshold.
    pub accuracy_threshold: f64,
    /// F1 of the true ones, at its own threshold.
    pub f1: f64,
    /// That threshold.
    pub f1_threshold: f64,
    /// Precision at the threshold of F1.
    pub precision: f64,
    /// Recall there.
    pub recall: f64,
}

impl Best {
    /// Tries a threshold between every two scores that are neighbours, and none beyond the last, as MTEB does.
    pub fn of(scores: &[f64], truths: &[bool]) -> Self {
        let ranked = ranked(scores, truths);
        let all = truths.iter().filter(|&&truth| truth).count();
        let mut best = Self::default();
        let (mut seen, mut found, mut false_left) = (0, 0, truths.len() - all);
        for pair in ranked.windows(2) {
            let [(score, truth), (next, _)] = pair else { continue };
            seen += 1;
            if *truth {
                found += 1;
            } else {
                false_left -= 1;
            }
            if score == next {
                continue;
            }
            let threshold = (score + next) / 2.0;
            let accuracy = (found + false_left) as f64 / truths.len() as f64;
            if accuracy > best.accuracy {
                (best.accuracy, best.accuracy_threshold) = (accuracy, threshold);
            }
            if found > 0 {
                let (precision, recall) = (found as f64 / seen as f64, found as f64 / all as f64);
                let f1 = 2.0 * precision * recall / (precision + recall);
                if f1 > best.f1 {
                    best = Self { f1, f1_threshold: threshold, precision, recall, ..best };
                }
            }
        }
        best
    }
}

/// Highest score first; equal ones as they came.
fn ranked(scores: &[f64], truths: &[bool]) -> Vec<(f64, bool)> {
    let mut ranked: Vec<(f64, bool)> = scores.iter().copied().zip(truths.iter().copied()).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked
}
