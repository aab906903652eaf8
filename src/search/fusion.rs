//! Fusion: one ranking from two, that of the vectors and that of the words. Pure functions over ranked lists.
//!
//! Reciprocal rank fusion looks at ranks only, so it needs no scores that can be compared, and cannot tell a clear winner from a narrow
//! one. Relative score fusion looks at how far apart the scores are, and so follows a leg that is sure of itself, but trusts both legs
//! to mean something by their distances. In both a leg of weight 0 has no say at all: it brings no candidates either.
//!
//! A leg is a list ordered best first; ranks are places in it, counted from 1. The result is ordered by score and then by key, as every
//! ranking is, so equal scores never swap between two pages.

use std::collections::HashMap;
use std::hash::Hash;

use neodex_index::Scored;

/// The constant of reciprocal rank fusion as Cormack, Clarke and Büttcher chose it (SIGIR 2009): how little the very first ranks stand
/// out from those behind them.
pub const DEFAULT_RRF_K: u32 = 60;

/// How much each leg counts; only the ratio matters for the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    dense: f32,
    lexical: f32,
}

/// Weights that mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "weights must be finite, 0 or more, and not both 0; found dense {dense} and lexical {lexical} \
     (to search by one leg only, choose its mode)"
)]
pub struct InvalidWeights {
    /// The weight given to the vectors.
    pub dense: f32,
    /// The weight given to the words.
    pub lexical: f32,
}

impl Weights {
    /// Weights for the vectors and for the words.
    ///
    /// # Errors
    /// When one is negative, infinite or not a number, or both are 0.
    pub fn new(dense: f32, lexical: f32) -> Result<Self, InvalidWeights> {
        let valid = |weight: f32| weight.is_finite() && weight >= 0.0;
        if valid(dense) && valid(lexical) && (dense > 0.0 || lexical > 0.0) {
            Ok(Self { dense, lexical })
        } else {
            Err(InvalidWeights { dense, lexical })
        }
    }

    /// The weight of the vectors.
    pub fn dense(self) -> f32 {
        self.dense
    }

    /// The weight of the words.
    pub fn lexical(self) -> f32 {
        self.lexical
    }
}

impl Default for Weights {
    /// Both legs alike.
    fn default() -> Self {
        Self { dense: 1.0, lexical: 1.0 }
    }
}

/// Where a leg ranked something, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From 1 for the best.
    pub rank: usize,
    /// The leg's own score.
    pub score: f32,
}

/// Something found by at least one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused<K> {
    /// What was found.
    pub key: K,
    /// The fused score; larger is better.
    pub score: f32,
    /// Its place among the vectors; `None` where it is not in their list.
    pub dense: Option<Place>,
    /// Its place among the words; `None` where it is not in their list.
    pub lexical: Option<Place>,
}

/// Reciprocal rank fusion: the sum over the legs of `weight / (rrf_k + rank)`.
pub fn reciprocal_rank<K: Copy + Eq + Hash + Ord>(
    dense: &[Scored<K>],
    lexical: &[Scored<K>],
    weights: Weights,
    rrf_k: u32,
) -> Vec<Fused<K>> {
    let value = |weight: f32| move |place: Place| f64::from(weight) / (f64::from(rrf_k) + place.rank as f64);
    fuse(dense, lexical, weights, value(weights.dense), value(weights.lexical))
}

/// Relative score fusion: each leg's scores are stretched to 0..=1 between its worst and its best, and the weighted mean is taken. What a
/// leg did not find counts 0 there; a leg whose scores are all equal gives 1 to all it found. The result lies in 0..=1.
pub fn relative_score<K: Copy + Eq + Hash + Ord>(
    dense: &[Scored<K>],
    lexical: &[Scored<K>],
    weights: Weights,
) -> Vec<Fused<K>> {
    let total = f64::from(weights.dense) + f64::from(weights.lexical);
    let value = |leg: &[Scored<K>], weight: f32| {
        let (scale, share) = (Scale::of(leg), f64::from(weight) / total);
        move |place: Place| share * scale.stretch(place.score)
    };
    fuse(dense, lexical, weights, value(dense, weights.dense), value(lexical, weights.lexical))
}

/// One leg as it is, where the other did not run: the order and the scores stay.
pub fn alone<K: Copy>(dense: &[Scored<K>], lexical: &[Scored<K>]) -> Vec<Fused<K>> {
    let place = |(rank, hit): (usize, &Scored<K>)| (hit.key, Place { rank: rank + 1, score: hit.score });
    let dense = dense.iter().enumerate().map(place);
    let lexical = lexical.iter().enumerate().map(place);
    dense
        .map(|(key, place)| Fused { key, score: place.score, dense: Some(place), lexical: None })
        .chain(lexical.map(|(key, place)| Fused { key, score: place.score, dense: None, lexical: Some(place) }))
        .collect()
}

/// The worst and the best finite score of a leg.
#[derive(Debug, Clone, Copy)]
struct Scale {
    worst: f64,
    best: f64,
}

impl Scale {
    fn of<K>(leg: &[Scored<K>]) -> Self {
        let finite = leg.iter().map(|hit| f64::from(hit.score)).filter(|score| score.is_finite());
        let empty = Self { worst: f64::INFINITY, best: f64::NEG_INFINITY };
        finite.fold(empty, |scale, score| Self { worst: scale.worst.min(score), best: scale.best.max(score) })
    }

    /// Where `score` lies between worst (0) and best (1). What is not a number is as good as not found.
    fn stretch(self, score: f32) -> f64 {
        let score = f64::from(score);
        if score.is_nan() {
            0.0
        } else if score >= self.best {
            1.0
        } else if score <= self.worst {
            0.0
        } else {
            (score - self.worst) / (self.best - self.worst)
        }
    }
}

/// Everything the legs with a say found, by the sum of what its places are worth.
pub(super) fn fuse<K: Copy + Eq + Hash + Ord>(
    dense: &[Scored<K>],
    lexical: &[Scored<K>],
    weights: Weights,
    dense_value: impl Fn(Place) -> f64,
    lexical_value: impl Fn(Place) -> f64,
) -> Vec<Fused<K>> {
    let dense_places = places(dense);
    let lexical_places = places(lexical);
    let mut fused = Vec::with_capacity(dense.len() + lexical.len());
    let mut add = |key: K| {
        let (of_dense, of_lexical) = (dense_places.get(&key).copied(), lexical_places.get(&key).copied());
        let score = of_dense.map_or(0.0, &dense_value) + of_lexical.map_or(0.0, &lexical_value);
        fused.push(Fused { key, score: score as f32, dense: of_dense, lexical: of_lexical });
    };
    if weights.dense > 0.0 {
        dense_places.keys().for_each(|&key| add(key));
    }
    if weights.lexical > 0.0 {
        let new = |key: &&K| weights.dense == 0.0 || !dense_places.contains_key(*key);
        lexical_places.keys().filter(new).for_each(|&key| add(key));
    }
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
    fused
}

/// The place of every key; one that comes twice keeps its better one.
fn places<K: Copy + Eq + Hash>(leg: &[Scored<K>]) -> HashMap<K, Place> {
    let mut places = HashMap::with_capacity(leg.len());
    for (position, hit) in leg.iter().enumerate() {
        places.entry(hit.key).or_insert(Place { rank: position + 1, score: hit.score });
    }
    places
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn leg(hits: &[(u8, f32)]) -> Vec<Scored<u8>> {
        hits.iter().map(|&(key, score)| Scored::new(key, score)).collect()
    }

    fn shown(fused: &[Fused<u8>]) -> Vec<(u8, f32)> {
        fused.iter().map(|hit| (hit.key, hit.score)).collect()
    }

    #[test]
    fn reciprocal_ranks_worked_out_by_hand() {
        let dense = leg(&[(1, 0.9), (2, 0.8), (3, 0.7)]);
        let lexical = leg(&[(3, 12.0), (4, 3.0)]);
        let fused = reciprocal_rank(&dense, &lexical, Weights::default(), DEFAULT_RRF_K);
        let expected: [(u8, f64); 4] =
            [(3, 1.0 / 63.0 + 1.0 / 61.0), (1, 1.0 / 61.0), (2, 1.0 / 62.0), (4, 1.0 / 62.0)];
        assert_eq!(shown(&fused), expected.map(|(key, score)| (key, score as f32)));
        assert_eq!(fused[0].dense, Some(Place { rank: 3, score: 0.7 }));
        assert_eq!(fused[0].lexical, Some(Place { rank: 1, score: 12.0 }));
        assert_eq!((fused[1].dense.unwrap().rank, fused[1].lexical), (1, None));
    }

    #[test]
    fn relative_scores_worked_out_by_hand() {
        let dense = leg(&[(1, 0.9), (2, 0.8), (3, 0.5)]);
        let lexical = leg(&[(3, 12.0), (4, 2.0)]);
        let fused = relative_score(&dense, &lexical, Weights::new(3.0, 1.0).unwrap());
        let scores = shown(&fused);
        assert_eq!(scores.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for ((_, score), expected) in scores.into_iter().zip([0.75, 0.75 * 0.75, 0.25, 0.0]) {
            assert!((score - expected).abs() < 1e-6, "{score} {expected}");
        }
        // Nothing between the best and the worst: all were found alike.
        let fused = relative_score(&leg(&[(2, 5.0), (1, 5.0)]), &[], Weights::default());
        assert_eq!(shown(&fused), [(1, 0.5), (2, 0.5)]);
    }

    #[test]
    fn weights_are_checked() {
        for (dense, lexical) in [(0.0, 0.0), (-1.0, 1.0), (1.0, f32::NAN), (f32::INFINITY, 1.0), (-0.0, 0.0)] {
            let error = Weights::new(dense, lexical).unwrap_err();
            assert!(error.to_string().contains(&format!("dense {dense} and lexical {lexical}")), "{error}");
        }
        let weights = Weights::new(0.0, 2.0).unwrap();
        assert_eq!((weights.dense(), weights.lexical()), (0.0, 2.0));
    }

    #[test]
    fn a_leg_of_weight_0_brings_nothing_but_its_explanation() {
        let dense = leg(&[(1, 0.9), (2, 0.8)]);
        let lexical = leg(&[(3, 12.0), (2, 3.0)]);
        let only_lexical = Weights::new(0.0, 1.0).unwrap();
        for fused in
            [reciprocal_rank(&dense, &lexical, only_lexical, 60), relative_score(&dense, &lexical, only_lexical)]
        {
            assert_eq!(fused.iter().map(|hit| hit.key).collect::<Vec<_>>(), [3, 2]);
            assert_eq!(fused[1].dense, Some(Place { rank: 2, score: 0.8 }));
        }
    }

    #[test]
    fn scores_that_are_no_numbers_do_no_harm() {
        let dense = leg(&[(1, f32::INFINITY), (2, 1.0), (3, 0.0), (4, f32::NEG_INFINITY), (5, f32::NAN)]);
        let fused = relative_score(&dense, &[], Weights::default());
        assert_eq!(shown(&fused), [(1, 0.5), (2, 0.5), (3, 0.0), (4, 0.0), (5, 0.0)]);
    }

    #[test]
    fn one_leg_alone_keeps_its_order_and_scores() {
        let fused = alone(&[], &leg(&[(2, 7.0), (1, 7.0)]));
        assert_eq!(shown(&fused), [(2, 7.0), (1, 7.0)]);
        assert_eq!((fused[1].dense, fused[1].lexical), (None, Some(Place { rank: 2, score: 7.0 })));
    }

    fn any_leg() -> impl Strategy<Value = Vec<Scored<u8>>> {
        prop::collection::vec((0u8..12, (-3i8..4).prop_map(f32::from)), 0..12).prop_map(|hits| {
            let mut hits = leg(&hits);
            hits.sort();
            hits
        })
    }

    fn any_weights() -> impl Strategy<Value = Weights> {
        (0.0f32..3.0, 0.1f32..3.0).prop_map(|(dense, lexical)| Weights::new(dense, lexical).unwrap())
    }

    proptest! {
        #[test]
        fn fusion_ranks_everything_found_once_and_explains_it(dense in any_leg(), lexical in any_leg(), weights in any_weights()) {
            for fused in [reciprocal_rank(&dense, &lexical, weights, 60), relative_score(&dense, &lexical, weights)] {
                let mut found: Vec<u8> = fused.iter().map(|hit| hit.key).collect();
                let in_order = |a: &Fused<u8>, b: &Fused<u8>| a.score > b.score || (a.score == b.score && a.key < b.key);
                prop_assert!(fused.windows(2).all(|pair| in_order(&pair[0], &pair[1])));
                found.sort_unstable();
                let mut expected: Vec<u8> = dense.iter().filter(|_| weights.dense() > 0.0).chain(&lexical).map(|hit| hit.key).collect();
                expected.sort_unstable();
                expected.dedup();
                prop_assert_eq!(found, expected);
                for hit in fused {
                    for (place, leg) in [(hit.dense, &dense), (hit.lexical, &lexical)] {
                        let first = leg.iter().position(|other| other.key == hit.key);
                        prop_assert_eq!(place.map(|place| place.rank - 1), first);
                    }
                }
            }
        }

        #[test]
        fn only_the_ratio_of_the_weights_orders(dense in any_leg(), lexical in any_leg()) {
            let (one, four) = (Weights::new(1.0, 0.5).unwrap(), Weights::new(4.0, 2.0).unwrap());
            let order = |fused: Vec<Fused<u8>>| fused.iter().map(|hit| hit.key).collect::<Vec<_>>();
            prop_assert_eq!(order(reciprocal_rank(&dense, &lexical, one, 60)), order(reciprocal_rank(&dense, &lexical, four, 60)));
            prop_assert_eq!(relative_score(&dense, &lexical, one), relative_score(&dense, &lexical, four));
        }

        #[test]
        fn relative_scores_lie_between_0_and_1(dense in any_leg(), lexical in any_leg(), weights in any_weights()) {
            for hit in relative_score(&dense, &lexical, weights) {
                prop_assert!((0.0..=1.0).contains(&hit.score));
            }
        }
    }
}
