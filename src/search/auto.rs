//! Fusion that weighs each leg by its own evidence.
//!
//! Reciprocal rank gives both legs the same say whatever they know, and was seen to lose eleven points of nDCG where one leg is far better.
//! Here both legs' scores are brought to one scale and mixed, `share × dense + (1 − share) × lexical`, and the share follows the query:
//!
//! ```text
//! share = logistic(even + coverage·ln C + dense_peak·D + lexical_peak·L) × (1 − U)^unknown × (1 − P)
//! ```
//!
//! with C, D, L, U and P (pending) from [`Evidence`]. The odds of meaning fall as a power of the coverage by words, so that meaning is alone
//! where no word of the query is anywhere. The last two are no parts of the sum: a query the embedder cannot read at all gets no say for
//! meaning, however sharp its nonsense looks, and vectors of half a collection must not hide the other half.

use std::hash::Hash;

use neodex_index::Scored;
use serde::{Deserialize, Serialize};

use crate::search::evidence::Evidence;
use crate::search::fusion::{Fused, Place, Weights, fuse};

/// A lower coverage by words counts as this one, whose logarithm is still a number.
const LEAST_COVERAGE: f32 = 1e-3;
/// The scale of a leg by meaning: the distance between its first score and this one.
const SCALE_RANK: usize = 100;

/// The constants of the share of meaning. [`Auto::default`] was fitted by `neodex eval fusion` with the bundled model on the queries of even
/// place of ten collections.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// The share where words cover the query wholly and neither leg's best stands out, as a logit.
    pub even: f32,
    /// What the logarithm of the coverage by words is multiplied with; below 0, because words that cover the query need no help.
    pub coverage: f32,
    /// What a standard deviation of the best score by meaning adds.
    pub dense_peak: f32,
    /// What a standard deviation of the best score by words adds.
    pub lexical_peak: f32,
    /// How steeply the share falls with what the embedder cannot read, 0 or more.
    pub unknown: f32,
}

impl Default for Auto {
    fn default() -> Self {
        Self { even: -1.2, coverage: -1.05, dense_peak: 0.0, lexical_peak: -0.03, unknown: 2.0 }
    }
}

impl Auto {
    /// How much meaning counts beside words, 0 to 1.
    #[must_use]
    pub fn share_of_meaning(&self, evidence: &Evidence) -> f32 {
        let sum = self.even
            + self.coverage * evidence.coverage.max(LEAST_COVERAGE).ln()
            + self.dense_peak * evidence.dense_peak
            + self.lexical_peak * evidence.lexical_peak;
        let readable = (1.0 - evidence.unknown).clamp(0.0, 1.0).powf(self.unknown);
        readable * (1.0 - evidence.pending).clamp(0.0, 1.0) / (1.0 + (-sum).exp())
    }

    /// The weights of both legs, each times the searcher's own; together 1.
    #[must_use]
    pub fn weights(&self, evidence: &Evidence, own: Weights) -> Weights {
        let share = self.share_of_meaning(evidence);
        let (dense, lexical) = (share * own.dense(), (1.0 - share) * own.lexical());
        let sum = dense + lexical;
        // The legs with a say by their evidence may be those the searcher gave none.
        Weights::new(dense / sum, lexical / sum).unwrap_or(own)
    }
}

/// Mixes both legs' scores, brought to one scale: words from 0 (no match) to 1 (the best), meaning from 0 (the last of the list) upwards, one
/// for the distance between the first score and the hundredth. What a leg did not find counts 0 there.
pub fn mixed<K: Copy + Eq + Hash + Ord>(dense: &[Scored<K>], lexical: &[Scored<K>], weights: Weights) -> Vec<Fused<K>> {
    let by_meaning = meaning_scale(dense);
    let best = lexical.first().map_or(0.0, |best| f64::from(best.score));
    let by_words = move |score: f64| if best > 0.0 { score / best } else { 0.0 };
    let value = |weight: f32, scale: &dyn Fn(f64) -> f64, place: Place| {
        let value = scale(f64::from(place.score));
        f64::from(weight) * if value.is_finite() { value } else { 0.0 }
    };
    fuse(
        dense,
        lexical,
        weights,
        |place| value(weights.dense(), &by_meaning, place),
        |place| value(weights.lexical(), &by_words, place),
    )
}

/// From a similarity to its place between the last of the list and the best.
fn meaning_scale<K>(dense: &[Scored<K>]) -> impl Fn(f64) -> f64 + use<K> {
    let at = |place: usize| dense.get(place).map_or(0.0, |hit| f64::from(hit.score));
    let (best, last) = (at(0), at(dense.len().saturating_sub(1)));
    let unit = best - at(SCALE_RANK.min(dense.len()).saturating_sub(1));
    move |score| if unit > 0.0 { (score - last) / unit } else { 1.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn leg(hits: &[(u8, f32)]) -> Vec<Scored<u8>> {
        hits.iter().map(|&(key, score)| Scored::new(key, score)).collect()
    }

    fn shown(fused: &[Fused<u8>]) -> Vec<(u8, f32)> {
        fused.iter().map(|hit| (hit.key, hit.score)).collect()
    }

    #[test]
    fn scores_are_mixed_on_one_scale() {
        let dense = leg(&[(1, 0.9), (2, 0.7), (3, 0.5)]);
        let lexical = leg(&[(3, 12.0), (4, 3.0)]);
        let fused = mixed(&dense, &lexical, Weights::new(0.5, 0.5).unwrap());
        let expected = [(1, 0.5), (3, 0.5), (2, 0.25), (4, 0.125)];
        for ((key, score), (expected, value)) in shown(&fused).into_iter().zip(expected) {
            assert!(key == expected && (score - value).abs() < 1e-6, "{key} {score}");
        }
        assert_eq!(fused[0].lexical, None);
        let alike = mixed(&leg(&[(2, 0.5), (1, 0.5)]), &[], Weights::new(0.5, 0.5).unwrap());
        assert_eq!(shown(&alike), [(1, 0.5), (2, 0.5)]);
    }

    #[test]
    fn a_query_that_cannot_be_read_is_left_to_words() {
        let auto = Auto::default();
        let unread = Evidence { unknown: 1.0, dense_peak: 9.0, ..Evidence::default() };
        assert_eq!(auto.share_of_meaning(&unread), 0.0);
        assert_eq!(auto.weights(&unread, Weights::default()), Weights::new(0.0, 1.0).unwrap());
        let half = Evidence { unknown: 0.5, ..Evidence::default() };
        assert!(auto.share_of_meaning(&half) < auto.share_of_meaning(&Evidence::default()));
        let only_dense = Weights::new(1.0, 0.0).unwrap();
        assert_eq!(auto.weights(&unread, only_dense), only_dense, "who asked for meaning alone gets it");
        let half_embedded = Evidence { pending: 0.5, ..Evidence::default() };
        let whole = auto.share_of_meaning(&Evidence::default());
        assert!((auto.share_of_meaning(&half_embedded) - whole / 2.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn shares_are_shares_whatever_the_evidence(unknown in 0.0f32..=1.0, coverage in 0.0f32..=1.0, dense_peak in 0.0f32..12.0, lexical_peak in 0.0f32..12.0) {
            let evidence = Evidence { unknown, pending: 0.0, coverage, dense_peak, lexical_peak };
            let weights = Auto::default().weights(&evidence, Weights::default());
            prop_assert!((0.0..=1.0).contains(&weights.dense()));
            prop_assert!((weights.dense() + weights.lexical() - 1.0).abs() < 1e-5);
        }
    }
}
