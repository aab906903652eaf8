//! Semantic textual similarity: do the vectors find similar what people find similar?

use super::scores::Scores;
use super::vectors::Similarities;
use crate::error::Result;
use crate::sts::{pearson, spearman};

/// Correlates the similarities of pairs with people's scores. The bare names are of the model's own similarity, which is the cosine;
/// distances count with the sign turned, so that every figure is the better the larger it is.
///
/// # Errors
/// When a score is not finite or there are not as many as similarities.
pub fn similarity(similarities: &[Similarities], human: &[f64]) -> Result<Scores> {
    let of = |way: fn(&Similarities) -> f64| similarities.iter().map(way).collect::<Vec<f64>>();
    let mut scores = Vec::new();
    for (name, values) in [
        ("", of(|similarity| similarity.cosine)),
        ("cosine_", of(|similarity| similarity.cosine)),
        ("manhattan_", of(|similarity| similarity.manhattan)),
        ("euclidean_", of(|similarity| similarity.euclidean)),
    ] {
        scores.push((format!("{name}pearson"), pearson(&values, human)?));
        scores.push((format!("{name}spearman"), spearman(&values, human)?));
    }
    Ok(Scores::new("cosine_spearman", scores))
}
