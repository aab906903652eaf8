//! Pair classification: is there a similarity above which pairs belong together?

use std::collections::BTreeMap;

use super::scores::Scores;
use super::vectors::Similarities;
use crate::binary::{Best, average_precision};

/// Judges the similarities of pairs by whether they belong together. `similarity_` is the model's own, which is the cosine.
pub fn pair_classification(similarities: &[Similarities], together: &[bool]) -> Scores {
    let of = |way: fn(&Similarities) -> f64| similarities.iter().map(way).collect::<Vec<f64>>();
    let cosines = of(|similarity| similarity.cosine);
    let mut scores: BTreeMap<String, f64> = BTreeMap::new();
    for (name, values) in [
        ("similarity", &cosines),
        ("cosine", &cosines),
        ("manhattan", &of(|similarity| similarity.manhattan)),
        ("euclidean", &of(|similarity| similarity.euclidean)),
        ("dot", &of(|similarity| similarity.dot)),
    ] {
        let best = Best::of(values, together);
        for (metric, value) in [
            ("accuracy", best.accuracy),
            ("f1", best.f1),
            ("precision", best.precision),
            ("recall", best.recall),
            ("ap", average_precision(values, together)),
        ] {
            scores.insert(format!("{name}_{metric}"), value);
            let most = scores.entry(format!("max_{metric}")).or_default();
            *most = most.max(value);
        }
    }
    Scores::new("max_ap", scores)
}
