//! Summarisation: is a machine's summary the better, the nearer it is to the nearest of the people's?

use super::scores::Scores;
use super::vectors::Similarities;
use crate::error::Result;
use crate::sts::{pearson, spearman};

/// A text's summaries: vectors of those by people and by machines, and how good people found each of the machines'.
#[derive(Debug, Clone, PartialEq)]
pub struct Summarised {
    /// By people.
    pub human: Vec<Vec<f32>>,
    /// By machines.
    pub machine: Vec<Vec<f32>>,
    /// One for each of the machines'.
    pub relevance: Vec<f64>,
}

/// Correlates within each text, and takes the mean over texts. A text whose summaries are all equally good, or equally near, tells nothing
/// and is left out, as in MTEB.
///
/// # Errors
/// When a score is not finite or there are not as many as summaries.
pub fn summarisation(texts: &[Summarised]) -> Result<Scores> {
    let mut sums = [0.0; 4];
    let mut counted = 0.0;
    for text in texts {
        let nearest = |way: fn(&Similarities) -> f64| -> Vec<f64> {
            let of = |machine: &Vec<f32>| {
                let all = text.human.iter().map(|human| way(&Similarities::of(machine, human)));
                all.fold(f64::NEG_INFINITY, f64::max)
            };
            text.machine.iter().map(of).collect()
        };
        let (cosine, dot) = (nearest(|similarity| similarity.cosine), nearest(|similarity| similarity.dot));
        if constant(&text.relevance) || constant(&cosine) || constant(&dot) {
            continue;
        }
        counted += 1.0;
        let found = [
            spearman(&cosine, &text.relevance)?,
            pearson(&cosine, &text.relevance)?,
            spearman(&dot, &text.relevance)?,
            pearson(&dot, &text.relevance)?,
        ];
        sums.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
    }
    let [cosine_spearman, cosine_pearson, dot_spearman, dot_pearson] = sums.map(|sum| sum / f64::max(counted, 1.0));
    let named = [
        ("spearman", cosine_spearman),
        ("pearson", cosine_pearson),
        ("cosine_spearman", cosine_spearman),
        ("cosine_pearson", cosine_pearson),
        ("dot_spearman", dot_spearman),
        ("dot_pearson", dot_pearson),
    ];
    Ok(Scores::new("cosine_spearman", named.map(|(name, value)| (name.to_owned(), value))))
}

fn constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}
