//! Pseudo-perplexity by length: how well a model guesses tokens that are hidden one at a time, in texts cut to several lengths.
//!
//! It is `exp` of the mean cross-entropy over all hidden tokens (Salazar et al. 2020). A model that uses what is far away guesses no worse
//! in longer texts; one that was never trained that long guesses worse.

mod picture;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::report::Table;

/// How wide a 95 % interval is, in standard errors.
const STANDARD_ERRORS: f64 = 1.96;

/// Sums over the hidden tokens of texts of one length.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Guesses {
    documents: usize,
    tokens: usize,
    first: usize,
    entropy: f64,
    squares: f64,
}

impl Guesses {
    /// One more document is counted.
    pub fn document(&mut self) {
        self.documents += 1;
    }

    /// Counts a hidden token: the natural logarithm of the chance it was given, and whether that was the highest.
    pub fn add(&mut self, log_probability: f64, first: bool) {
        self.tokens += 1;
        self.first += usize::from(first);
        self.entropy -= log_probability;
        self.squares += log_probability * log_probability;
    }

    /// The figures for texts of `length` tokens. `None` while nothing was hidden.
    pub fn at(&self, length: usize) -> Option<LengthReport> {
        if self.tokens == 0 {
            return None;
        }
        let tokens = self.tokens as f64;
        let mean = self.entropy / tokens;
        let variance = (self.squares / tokens - mean * mean).max(0.0);
        let margin = STANDARD_ERRORS * (variance / tokens).sqrt();
        Some(LengthReport {
            length,
            documents: self.documents,
            tokens: self.tokens,
            pseudo_perplexity: mean.exp(),
            low: (mean - margin).exp(),
            high: (mean + margin).exp(),
            accuracy: self.first as f64 / tokens,
        })
    }
}

/// The figures for one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LengthReport {
    /// Tokens of a text, special ones included.
    pub length: usize,
    /// Texts that were long enough.
    pub documents: usize,
    /// Tokens hidden, all texts together.
    pub tokens: usize,
    /// `exp` of the mean cross-entropy in nats; 1 is perfect.
    pub pseudo_perplexity: f64,
    /// Below this it would be in one sample of forty.
    pub low: f64,
    /// Above this likewise.
    pub high: f64,
    /// Share of the hidden tokens that the model would have put there, 0..=1.
    pub accuracy: f64,
}

/// The figures by length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PerplexityReport {
    /// The model's name.
    pub model: String,
    /// One for each length that any text had.
    pub lengths: Vec<LengthReport>,
}

impl fmt::Display for PerplexityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new(["tokens", "documents", "hidden", "pseudo-perplexity", "95 % from", "to", "accuracy"]);
        for report in &self.lengths {
            table.row([
                report.length.to_string(),
                report.documents.to_string(),
                report.tokens.to_string(),
                format!("{:.3}", report.pseudo_perplexity),
                format!("{:.3}", report.low),
                format!("{:.3}", report.high),
                format!("{:.4}", report.accuracy),
            ]);
        }
        table.fmt(f)
    }
}

/// `wanted` of the positions `range`, evenly spread with the first and last half a step from the ends; all of them where `wanted` is 0 or
/// more than there are. The same text always gives the same positions.
pub fn spread(range: std::ops::Range<usize>, wanted: usize) -> Vec<usize> {
    let all = range.len();
    if wanted == 0 || wanted >= all {
        return range.collect();
    }
    (0..wanted).map(|number| range.start + (2 * number + 1) * all / (2 * wanted)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_the_exponential_of_the_mean_entropy() {
        let mut guesses = Guesses::default();
        assert_eq!(guesses.at(8), None);
        guesses.document();
        for (chance, first) in [(0.5_f64, true), (0.125, false)] {
            guesses.add(chance.ln(), first);
        }
        let report = guesses.at(8).unwrap();
        // The geometric mean of 2 and 8.
        assert!((report.pseudo_perplexity - 4.0).abs() < 1e-12);
        assert!((report.accuracy - 0.5).abs() < 1e-12);
        assert!(report.low < 4.0 && report.high > 4.0);
        assert!((report.low * report.high - 16.0).abs() < 1e-9, "symmetric in the logarithm");
    }

    #[test]
    fn positions_are_spread_and_never_twice() {
        assert_eq!(spread(1..11, 5), [2, 4, 6, 8, 10]);
        assert_eq!(spread(1..4, 0), [1, 2, 3]);
        assert_eq!(spread(1..4, 9), [1, 2, 3]);
        for wanted in 1..60 {
            let positions = spread(1..61, wanted);
            assert!(positions.windows(2).all(|pair| pair.first() < pair.last()) && positions.len() == wanted);
            assert!(positions.iter().all(|position| (1..61).contains(position)));
        }
    }
}
