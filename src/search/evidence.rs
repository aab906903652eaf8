//! What the two legs of a search say about how far each is to be trusted for this query, before anybody looks at a document.

use neodex_index::Scored;
use serde::{Deserialize, Serialize};

/// How many of a leg's best scores tell what an ordinary score is.
const TAIL: usize = 100;

/// The evidence of one query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The share of the query that the embedder cannot read, 0 to 1.
    pub unknown: f32,
    /// The share of the passages that have no vector yet, 0 to 1.
    #[serde(default)]
    pub pending: f32,
    /// The best document's score by words as a share of what a document could reach that says every word of the query over and over, 0 to 1:
    /// low where the query's rare words are nowhere, or nowhere together.
    pub coverage: f32,
    /// How far the best score by meaning stands out from the first hundred, in standard deviations; 0 where all are alike.
    pub dense_peak: f32,
    /// The same by words.
    pub lexical_peak: f32,
}

impl Evidence {
    /// Reads the evidence off both legs, best first. `bound` is the score by words no document can reach; `unknown` and `pending` are as in the
    /// fields.
    pub fn of<K>(dense: &[Scored<K>], lexical: &[Scored<K>], bound: f32, unknown: f32, pending: f32) -> Self {
        let best = lexical.first().map_or(0.0, |best| best.score);
        Self {
            unknown: unknown.clamp(0.0, 1.0),
            pending: pending.clamp(0.0, 1.0),
            coverage: if bound > 0.0 { (best / bound).clamp(0.0, 1.0) } else { 0.0 },
            dense_peak: peak(dense),
            lexical_peak: peak(lexical),
        }
    }
}

/// How many standard deviations the best of a list is above its mean.
fn peak<K>(leg: &[Scored<K>]) -> f32 {
    let scores: Vec<f64> = leg.iter().take(TAIL).map(|hit| f64::from(hit.score)).collect();
    let Some(&best) = scores.first() else { return 0.0 };
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt();
    // Rounding gives scores that are all alike a tiny deviation.
    let peak = if deviation > mean.abs() * 1e-6 { (best - mean) / deviation } else { 0.0 };
    if peak.is_finite() { peak as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(scores: &[f32]) -> Vec<Scored<u8>> {
        (0..).zip(scores).map(|(key, &score)| Scored::new(key, score)).collect()
    }

    #[test]
    fn a_clear_winner_stands_out_and_a_flat_list_does_not() {
        let clear = leg(&[9.0, 1.0, 1.0, 1.0, 1.0]);
        let evidence = Evidence::of(&leg(&[0.5; 5]), &clear, 18.0, 0.25, 0.0);
        assert_eq!((evidence.coverage, evidence.unknown, evidence.dense_peak), (0.5, 0.25, 0.0));
        assert!((evidence.lexical_peak - 2.0).abs() < 1e-6, "{evidence:?}");
        assert_eq!(Evidence::of::<u8>(&[], &[], 0.0, 0.0, 0.0), Evidence::default());
        let odd = Evidence::of(&leg(&[f32::INFINITY, 1.0]), &leg(&[3.0]), 2.0, 7.0, 0.5);
        assert_eq!((odd.coverage, odd.unknown, odd.dense_peak, odd.lexical_peak), (1.0, 1.0, 0.0, 0.0));
    }
}
