//! Retrieval and reranking: rankings of documents judged at MTEB's depths.

use std::collections::BTreeMap;

use super::scores::Scores;
use crate::metrics::{average_precision, ndcg_at_k, precision_at_k, recall_at_k, reciprocal_rank_at_k};
use crate::qrels::Qrels;

/// The depths.
const DEPTHS: [usize; 7] = [1, 3, 5, 10, 20, 100, 1000];

/// Puts candidates in the order trec_eval judges: by score, and equal scores by id from the end of the alphabet.
pub(super) fn ranked<S: AsRef<str>>(mut candidates: Vec<(S, f64)>) -> Vec<(S, f64)> {
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| b.0.as_ref().cmp(a.0.as_ref())));
    candidates
}

/// The means of all metrics over the queries that have both a ranking and a relevant document; `main` is the one that stands for the task.
pub fn rankings(rankings: &BTreeMap<String, Vec<String>>, qrels: &Qrels, main: &'static str) -> Scores {
    let judged: Vec<_> = qrels
        .iter()
        .filter(|(_, judgements)| judgements.relevant() > 0)
        .filter_map(|(query, judgements)| Some((rankings.get(query)?, judgements)))
        .collect();
    let mean = |of: &dyn Fn(&[String], &crate::Judgements) -> f64| {
        let sum: f64 = judged.iter().map(|(ranking, judgements)| of(ranking, judgements)).sum();
        sum / judged.len().max(1) as f64
    };
    let mut scores = Vec::new();
    for k in DEPTHS {
        let mut add = |name: &str, value: f64| scores.push((format!("{name}_at_{k}"), value));
        add("ndcg", mean(&|ranking, judgements| ndcg_at_k(ranking, judgements, k)));
        add("map", mean(&|ranking, judgements| average_precision(ranking.get(..k).unwrap_or(ranking), judgements)));
        add("recall", mean(&|ranking, judgements| recall_at_k(ranking, judgements, k)));
        add("precision", mean(&|ranking, judgements| precision_at_k(ranking, judgements, k)));
        add("mrr", mean(&|ranking, judgements| reciprocal_rank_at_k(ranking, judgements, k)));
        add("hit_rate", mean(&|ranking, judgements| recall_at_k(ranking, judgements, k).ceil()));
    }
    Scores::new(main, scores)
}
