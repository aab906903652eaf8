//! Ranking metrics, with the definitions of trec_eval: one query's ranking against one query's judgements.
//!
//! A ranking is a list of document ids, best first; its order is taken as it is, scores are not looked at again. A document is relevant
//! when its grade is above 0, and its gain is the grade itself (linear), discounted by `log2(1 + rank)`. The ideal of nDCG ranks every
//! judged document, found or not. A document that appears twice counts at its first place only and still takes up the second, so a
//! ranking cannot gain by repeating itself. All results lie in 0..=1; with nothing relevant to find they are 0.

use std::collections::HashSet;

use crate::qrels::Judgements;

/// Normalised discounted cumulative gain of the first `k`: the gain collected, over the most that any ranking could have collected.
pub fn ndcg_at_k<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> f64 {
    let found = discounted(gains(ranking, judgements, k));
    let mut grades: Vec<i32> = judgements.grades().filter(|&grade| grade > 0).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = discounted(grades.into_iter().take(k).map(f64::from));
    ratio(found, ideal)
}

/// Share of all relevant documents that are among the first `k`.
pub fn recall_at_k<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> f64 {
    ratio(count_relevant(ranking, judgements, k), judgements.relevant() as f64)
}

/// Share of the first `k` places that hold a relevant document; a ranking shorter than `k` is not forgiven its empty places.
pub fn precision_at_k<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> f64 {
    ratio(count_relevant(ranking, judgements, k), k as f64)
}

/// One over the rank of the first relevant document, 0 when it is not among the first `k`. The mean over queries is MRR@k.
pub fn reciprocal_rank_at_k<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> f64 {
    gains(ranking, judgements, k).position(|gain| gain > 0.0).map_or(0.0, |position| 1.0 / (position as f64 + 1.0))
}

/// Mean of the precisions at the ranks of the relevant documents, those not found counting 0. The mean over queries is MAP.
///
/// It covers the whole ranking, so figures are comparable only between rankings of the same depth.
pub fn average_precision<S: AsRef<str>>(ranking: &[S], judgements: &Judgements) -> f64 {
    let mut relevant = 0.0;
    let mut sum = 0.0;
    for (position, gain) in gains(ranking, judgements, ranking.len()).enumerate() {
        if gain > 0.0 {
            relevant += 1.0;
            sum += relevant / (position as f64 + 1.0);
        }
    }
    ratio(sum, judgements.relevant() as f64)
}

/// The gain at each of the first `k` ranks: the grade, 0 for what is unjudged, not relevant or a repetition.
fn gains<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> impl Iterator<Item = f64> {
    let mut seen = HashSet::new();
    ranking.iter().take(k).map(move |document| {
        let document = document.as_ref();
        let grade = judgements.grade(document).unwrap_or(0).max(0);
        // Only what could count twice needs remembering.
        if grade > 0 && seen.insert(document) { f64::from(grade) } else { 0.0 }
    })
}

fn count_relevant<S: AsRef<str>>(ranking: &[S], judgements: &Judgements, k: usize) -> f64 {
    gains(ranking, judgements, k).filter(|&gain| gain > 0.0).count() as f64
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    gains.enumerate().map(|(position, gain)| gain / (position as f64 + 2.0).log2()).sum()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(grades: &[(&str, i32)]) -> Judgements {
        grades.iter().map(|&(document, grade)| (document.to_owned(), grade)).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// Worked by hand. Gains at ranks 1..5 are 0 3 0 1 0; the ideal is 3 2 1.
    #[test]
    fn a_ranking_worked_out_by_hand() {
        let judgements = judged(&[("a", 3), ("b", 2), ("c", 1), ("d", 0), ("e", -1)]);
        let ranking = ["d", "a", "x", "c", "e"];
        let dcg = 3.0 / 3f64.log2() + 1.0 / 5f64.log2();
        let ideal = 3.0 + 2.0 / 3f64.log2() + 1.0 / 4f64.log2();
        close(ndcg_at_k(&ranking, &judgements, 10), dcg / ideal);
        close(ndcg_at_k(&ranking, &judgements, 2), (3.0 / 3f64.log2()) / (3.0 + 2.0 / 3f64.log2()));
        close(recall_at_k(&ranking, &judgements, 10), 2.0 / 3.0);
        close(recall_at_k(&ranking, &judgements, 2), 1.0 / 3.0);
        close(precision_at_k(&ranking, &judgements, 5), 2.0 / 5.0);
        close(precision_at_k(&ranking, &judgements, 10), 2.0 / 10.0);
        close(reciprocal_rank_at_k(&ranking, &judgements, 10), 0.5);
        close(reciprocal_rank_at_k(&ranking, &judgements, 1), 0.0);
        close(average_precision(&ranking, &judgements), (1.0 / 2.0 + 2.0 / 4.0) / 3.0);
    }

    #[test]
    fn a_repetition_gains_nothing_and_still_takes_a_place() {
        let judgements = judged(&[("a", 1), ("b", 1)]);
        let ranking = ["a", "a", "b"];
        close(recall_at_k(&ranking, &judgements, 2), 0.5);
        close(average_precision(&ranking, &judgements), (1.0 + 2.0 / 3.0) / 2.0);
        close(precision_at_k(&ranking, &judgements, 2), 0.5);
    }

    #[test]
    fn nothing_relevant_or_nothing_asked_is_zero() {
        let none = judged(&[("a", 0), ("b", -2)]);
        let some = judged(&[("a", 1)]);
        for (judgements, k) in [(&none, 10), (&some, 0)] {
            close(ndcg_at_k(&["a"], judgements, k), 0.0);
            close(recall_at_k(&["a"], judgements, k), 0.0);
            close(precision_at_k(&["a"], judgements, k), 0.0);
            close(reciprocal_rank_at_k(&["a"], judgements, k), 0.0);
        }
        close(average_precision(&["a"], &none), 0.0);
        close(average_precision::<&str>(&[], &some), 0.0);
    }
}
