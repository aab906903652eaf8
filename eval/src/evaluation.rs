//! A whole run judged: every metric for every query, and their means.
//!
//! The means are over the queries that have at least one relevant document, whether the run answers them or not: a query without an
//! answer counts 0, as trec_eval does with `-c`. Leaving it out would reward a search for failing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::{average_precision, ndcg_at_k, precision_at_k, recall_at_k, reciprocal_rank_at_k};
use crate::qrels::{Judgements, Qrels};
use crate::run::Run;

/// The metrics of a ranking, or their means over queries; all in 0..=1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct RankingMetrics {
    /// Normalised discounted cumulative gain of the first 10.
    #[serde(rename = "ndcg@10")]
    pub ndcg_at_10: f64,
    /// Share of the relevant documents among the first 100.
    #[serde(rename = "recall@100")]
    pub recall_at_100: f64,
    /// Average precision over the ranking as deep as it is.
    pub map: f64,
    /// One over the rank of the first relevant document among the first 10.
    #[serde(rename = "mrr@10")]
    pub mrr_at_10: f64,
    /// Share of the first 10 places that hold a relevant document.
    #[serde(rename = "precision@10")]
    pub precision_at_10: f64,
}

impl RankingMetrics {
    /// Judges one query's ranking, best document first.
    pub fn of<S: AsRef<str>>(ranking: &[S], judgements: &Judgements) -> Self {
        Self {
            ndcg_at_10: ndcg_at_k(ranking, judgements, 10),
            recall_at_100: recall_at_k(ranking, judgements, 100),
            map: average_precision(ranking, judgements),
            mrr_at_10: reciprocal_rank_at_k(ranking, judgements, 10),
            precision_at_10: precision_at_k(ranking, judgements, 10),
        }
    }

    /// The arithmetic mean; all zeros for no queries.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        let mut count = 0.0;
        for one in all {
            sum.ndcg_at_10 += one.ndcg_at_10;
            sum.recall_at_100 += one.recall_at_100;
            sum.map += one.map;
            sum.mrr_at_10 += one.mrr_at_10;
            sum.precision_at_10 += one.precision_at_10;
            count += 1.0;
        }
        if count == 0.0 {
            return sum;
        }
        Self {
            ndcg_at_10: sum.ndcg_at_10 / count,
            recall_at_100: sum.recall_at_100 / count,
            map: sum.map / count,
            mrr_at_10: sum.mrr_at_10 / count,
            precision_at_10: sum.precision_at_10 / count,
        }
    }
}

/// A run judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// The metrics of every query with at least one relevant document, by query id.
    pub per_query: BTreeMap<String, RankingMetrics>,
    /// Their means.
    pub mean: RankingMetrics,
    /// How many queries the means are over.
    pub queries: usize,
}

/// Judges `run` by `qrels`. Queries of the run that nobody judged are left out.
pub fn evaluate(qrels: &Qrels, run: &Run) -> Evaluation {
    let mut per_query = BTreeMap::new();
    for (query, judgements) in qrels.iter().filter(|(_, judgements)| judgements.relevant() > 0) {
        let ranking = run.get(query).unwrap_or_default();
        per_query.insert(query.to_owned(), RankingMetrics::of(ranking, judgements));
    }
    let mean = RankingMetrics::mean(per_query.values());
    Evaluation { queries: per_query.len(), mean, per_query }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_queries_count_zero_and_unjudged_ones_do_not_count() {
        let mut qrels = Qrels::new();
        qrels.insert("answered", "a", 1);
        qrels.insert("unanswered", "a", 1);
        qrels.insert("nothing relevant", "a", 0);
        let mut run = Run::new("t");
        run.insert("answered", [("a", 1.0)]);
        run.insert("nothing relevant", [("a", 1.0)]);
        run.insert("unjudged", [("a", 1.0)]);
        let evaluation = evaluate(&qrels, &run);
        assert_eq!(evaluation.queries, 2);
        assert_eq!(evaluation.mean.ndcg_at_10, 0.5);
        assert_eq!(evaluation.mean.precision_at_10, 0.05);
        assert_eq!(evaluation.per_query["unanswered"], RankingMetrics::default());
    }

    #[test]
    fn no_queries_is_zero_and_not_a_division_by_it() {
        assert_eq!(evaluate(&Qrels::new(), &Run::new("t")).mean, RankingMetrics::default());
    }
}
