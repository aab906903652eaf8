//! How well found clusters agree with true classes: the V-measure (Rosenberg & Hirschberg 2007).

use std::collections::HashMap;
use std::hash::Hash;

/// Homogeneity, completeness and their harmonic mean, all 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VMeasure {
    /// Whether a cluster holds one class only.
    pub homogeneity: f64,
    /// Whether a class lies in one cluster only.
    pub completeness: f64,
    /// The harmonic mean of both.
    pub v_measure: f64,
}

impl VMeasure {
    /// Compares `clusters` with `classes`, of which the shorter list ends both. Without anything to compare all is 1, as in scikit-learn.
    pub fn of<C: Eq + Hash, K: Eq + Hash>(classes: &[C], clusters: &[K]) -> Self {
        let total = classes.len().min(clusters.len());
        if total == 0 {
            return Self { homogeneity: 1.0, completeness: 1.0, v_measure: 1.0 };
        }
        let pairs = || classes.iter().zip(clusters);
        let of_class = counts(pairs().map(|(class, _)| class));
        let of_cluster = counts(pairs().map(|(_, cluster)| cluster));
        let of_both = counts(pairs());
        let total = total as f64;
        let information: f64 = of_both
            .iter()
            .map(|((class, cluster), &both)| {
                let alone = |count: Option<&usize>| count.map_or(1.0, |&count| count as f64);
                let expected = alone(of_class.get(class)) * alone(of_cluster.get(cluster));
                both as f64 / total * (both as f64 * total / expected).ln()
            })
            .sum();
        let share = |entropy: f64| if entropy > 0.0 { (information / entropy).clamp(0.0, 1.0) } else { 1.0 };
        let homogeneity = share(entropy(of_class.values(), total));
        let completeness = share(entropy(of_cluster.values(), total));
        let sum = homogeneity + completeness;
        let v_measure = if sum > 0.0 { 2.0 * homogeneity * completeness / sum } else { 0.0 };
        Self { homogeneity, completeness, v_measure }
    }
}

fn counts<T: Eq + Hash>(values: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
}

/// In nats.
fn entropy<'a>(counts: impl Iterator<Item = &'a usize>, total: f64) -> f64 {
    let entropy: f64 = counts.map(|&count| -(count as f64 / total) * (count as f64 / total).ln()).sum();
    // One class gives -0 or a rounding error.
    if entropy.abs() < 1e-15 { 0.0 } else { entropy }
}
