//! Clustering: do the clusters of mini-batch k-means agree with the classes?

use super::scores::Scores;
use crate::clusters::VMeasure;
use crate::kmeans::mini_batch_kmeans;

/// Clusters every set of vectors into as many clusters as it has classes and gives the mean V-measure. A set of one class counts 1, as in
/// MTEB.
pub fn clustering(sets: &[(Vec<Vec<f32>>, Vec<usize>)], seed: u64) -> Scores {
    let measures: Vec<f64> = sets
        .iter()
        .map(|(vectors, labels)| {
            let mut classes = labels.clone();
            classes.sort_unstable();
            classes.dedup();
            match classes.len() {
                0 | 1 => 1.0,
                count => VMeasure::of(labels, &mini_batch_kmeans(vectors, count, seed)).v_measure,
            }
        })
        .collect();
    let count = measures.len().max(1) as f64;
    let mean = measures.iter().sum::<f64>() / count;
    let spread = (measures.iter().map(|measure| (measure - mean).powi(2)).sum::<f64>() / count).sqrt();
    let mut scores = Scores::new("v_measure", [("v_measure".to_owned(), mean), ("v_measure_std".to_owned(), spread)]);
    scores.details.insert("v_measures".to_owned(), serde_json::json!(measures));
    scores
}
