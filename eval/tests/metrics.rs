//! The metrics against an independent implementation and against what must hold for every ranking.
//!
//! The second implementation is written from the formulas, the slow way: it looks each rank up in a list of pairs and shares no code
//! with the crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use neodex_eval::metrics::{average_precision, ndcg_at_k, precision_at_k, recall_at_k, reciprocal_rank_at_k};
use neodex_eval::{Judgements, Qrels, RankingMetrics, Run, evaluate};
use proptest::prelude::*;

mod naive {
    //! Rankings without repetitions only.

    pub(super) fn gain(judged: &[(String, i32)], document: &str) -> f64 {
        judged.iter().find(|(id, grade)| id == document && *grade > 0).map_or(0.0, |(_, grade)| *grade as f64)
    }

    pub(super) fn ndcg(ranking: &[String], judged: &[(String, i32)], k: usize) -> f64 {
        let mut dcg = 0.0;
        for rank in 1..=k.min(ranking.len()) {
            dcg += gain(judged, &ranking[rank - 1]) * 2f64.ln() / (1.0 + rank as f64).ln();
        }
        let mut ideal: Vec<String> = judged.iter().map(|(id, _)| id.clone()).collect();
        ideal.sort_by(|a, b| gain(judged, b).partial_cmp(&gain(judged, a)).unwrap());
        let mut best = 0.0;
        for rank in 1..=k.min(ideal.len()) {
            best += gain(judged, &ideal[rank - 1]) * 2f64.ln() / (1.0 + rank as f64).ln();
        }
        if best == 0.0 { 0.0 } else { dcg / best }
    }

    pub(super) fn found(ranking: &[String], judged: &[(String, i32)], k: usize) -> usize {
        (0..k.min(ranking.len())).filter(|&at| gain(judged, &ranking[at]) > 0.0).count()
    }

    pub(super) fn average_precision(ranking: &[String], judged: &[(String, i32)]) -> f64 {
        let relevant = judged.iter().filter(|(_, grade)| *grade > 0).count();
        let precisions: f64 = (1..=ranking.len())
            .filter(|&rank| gain(judged, &ranking[rank - 1]) > 0.0)
            .map(|rank| found(ranking, judged, rank) as f64 / rank as f64)
            .sum();
        if relevant == 0 { 0.0 } else { precisions / relevant as f64 }
    }
}

/// Grades of documents d0, d1, ... (some unjudged), and a ranking of some of them, with strangers between.
fn judged_and_ranking() -> impl Strategy<Value = (Vec<(String, i32)>, Vec<String>)> {
    let grades = prop::collection::vec(prop::option::weighted(0.7, -1i32..4), 0..12);
    (grades, prop::sample::subsequence((0..14usize).collect::<Vec<_>>(), 0..14).prop_shuffle()).prop_map(
        |(grades, order)| {
            let judged = grades.iter().enumerate().filter_map(|(at, grade)| Some((format!("d{at}"), (*grade)?)));
            (judged.collect(), order.into_iter().map(|at| format!("d{at}")).collect())
        },
    )
}

fn judgements(judged: &[(String, i32)]) -> Judgements {
    judged.iter().cloned().collect()
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-12
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_naive_implementation_agrees((judged, ranking) in judged_and_ranking(), k in 0usize..16) {
        let judgements = judgements(&judged);
        let relevant = judged.iter().filter(|(_, grade)| *grade > 0).count().max(1) as f64;
        let found = naive::found(&ranking, &judged, k) as f64;
        prop_assert!(close(ndcg_at_k(&ranking, &judgements, k), naive::ndcg(&ranking, &judged, k)));
        prop_assert!(close(recall_at_k(&ranking, &judgements, k), found / relevant));
        prop_assert!(close(precision_at_k(&ranking, &judgements, k), found / k.max(1) as f64));
        prop_assert!(close(average_precision(&ranking, &judgements), naive::average_precision(&ranking, &judged)));
        let first = (1..=k).find(|&rank| naive::found(&ranking, &judged, rank) == 1);
        let expected = first.map_or(0.0, |rank| 1.0 / rank as f64);
        prop_assert!(close(reciprocal_rank_at_k(&ranking, &judgements, k), expected));
    }

    #[test]
    fn every_metric_lies_between_0_and_1_even_with_repetitions(
        (judged, _) in judged_and_ranking(),
        ranking in prop::collection::vec((0..6usize).prop_map(|at| format!("d{at}")), 0..30),
    ) {
        let metrics = RankingMetrics::of(&ranking, &judgements(&judged));
        for value in [metrics.ndcg_at_10, metrics.recall_at_100, metrics.map, metrics.mrr_at_10, metrics.precision_at_10] {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value), "{metrics:?}");
        }
    }

    #[test]
    fn a_perfect_ranking_is_1_and_no_permutation_is_better((judged, _) in judged_and_ranking(), seed in any::<u64>()) {
        let judgements = judgements(&judged);
        prop_assume!(judgements.relevant() > 0);
        let mut perfect = judged.clone();
        perfect.sort_by_key(|(_, grade)| -grade);
        let perfect: Vec<String> = perfect.into_iter().map(|(id, _)| id).collect();
        let best = RankingMetrics::of(&perfect, &judgements);
        prop_assert!(close(best.ndcg_at_10, 1.0) && close(best.map, 1.0) && close(best.mrr_at_10, 1.0));
        prop_assert!(close(best.recall_at_100, 1.0));

        let mut shuffled = perfect;
        shuffled.sort_by_key(|id| id.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let other = RankingMetrics::of(&shuffled, &judgements);
        prop_assert!(other.ndcg_at_10 <= 1.0 + 1e-12 && other.map <= 1.0 + 1e-12);
        // What does not look at the order inside the cut-off does not change.
        prop_assert!(close(other.recall_at_100, best.recall_at_100));
    }

    #[test]
    fn moving_a_better_document_up_never_hurts((judged, ranking) in judged_and_ranking()) {
        let judgements = judgements(&judged);
        let before = RankingMetrics::of(&ranking, &judgements);
        for at in 1..ranking.len() {
            if naive::gain(&judged, &ranking[at - 1]) < naive::gain(&judged, &ranking[at]) {
                let mut better = ranking.clone();
                better.swap(at - 1, at);
                let after = RankingMetrics::of(&better, &judgements);
                prop_assert!(after.ndcg_at_10 >= before.ndcg_at_10 - 1e-12);
                prop_assert!(after.map >= before.map - 1e-12);
                prop_assert!(after.mrr_at_10 >= before.mrr_at_10);
            }
        }
    }
}

#[test]
fn the_mean_is_over_judged_queries_only() {
    let mut qrels = Qrels::new();
    qrels.insert("a", "x", 1);
    qrels.insert("b", "y", 1);
    qrels.insert("b", "z", 1);
    let mut run = Run::new("t");
    run.insert("a", [("x", 2.0), ("y", 1.0)]);
    run.insert("b", [("x", 2.0), ("y", 1.0)]);
    let evaluation = evaluate(&qrels, &run);
    // b: y at rank 2 of the two relevant ones.
    let b = (1.0 / 3f64.log2()) / (1.0 + 1.0 / 3f64.log2());
    assert!(close(evaluation.mean.ndcg_at_10, f64::midpoint(1.0, b)));
    assert!(close(evaluation.mean.map, f64::midpoint(1.0, 0.25)));
    assert!(close(evaluation.mean.mrr_at_10, 0.75));
    assert!(close(evaluation.mean.recall_at_100, 0.75));
    assert!(close(evaluation.mean.precision_at_10, 0.1));
}
