//! Logistic regression as scikit-learn fits it by default: an L2 penalty of strength `1 / C` on the weights and none on the intercepts,
//! one weight vector for two classes and a softmax for more, L-BFGS from zero until no gradient is above 1e-4 or 100 steps are done.
//!
//! The objective is strictly convex, so any good optimiser ends at the same place; what two of them leave is a difference in the last
//! digits of probabilities.

use crate::descent::minimise;

/// The inverse of the penalty's strength.
const C: f64 = 1.0;
/// Most steps of the optimiser.
const STEPS: usize = 100;
/// No component of the gradient of the mean loss is above this at the end.
const TOLERANCE: f64 = 1e-4;

/// A fitted classifier over vectors.
#[derive(Debug, Clone)]
pub struct LogisticRegression {
    /// A row of weights and an intercept for each output: one for two classes, else one a class.
    rows: Vec<(Vec<f64>, f64)>,
    classes: usize,
}

impl LogisticRegression {
    /// Fits `vectors`, all of one length, to their classes `0..classes`. With fewer than two classes there is nothing to tell apart and
    /// everything is class 0.
    pub fn fit(vectors: &[&[f32]], labels: &[usize], classes: usize) -> Self {
        let width = vectors.first().map_or(0, |vector| vector.len());
        let outputs = match classes {
            0 | 1 => 0,
            2 => 1,
            more => more,
        };
        let problem = Problem { vectors, labels, width, outputs };
        let start = vec![0.0; outputs * (width + 1)];
        let found = minimise(start, STEPS, TOLERANCE, |at, gradient| problem.loss(at, gradient));
        let rows = found.chunks_exact(width + 1).filter_map(|row| {
            let (&intercept, weights) = row.split_last()?;
            Some((weights.to_vec(), intercept))
        });
        Self { rows: rows.collect(), classes }
    }

    /// The likeliest class of a vector, of equal ones the first.
    pub fn predict(&self, vector: &[f32]) -> usize {
        let mut scores = self.rows.iter().map(|(weights, intercept)| dot(weights, vector) + intercept);
        if self.classes <= 2 {
            return usize::from(scores.next().is_some_and(|score| score > 0.0));
        }
        let mut best = (0, f64::NEG_INFINITY);
        for (class, score) in scores.enumerate() {
            if score > best.1 {
                best = (class, score);
            }
        }
        best.0
    }
}

struct Problem<'a> {
    vectors: &'a [&'a [f32]],
    labels: &'a [usize],
    width: usize,
    outputs: usize,
}

impl Problem<'_> {
    /// Mean loss with the penalty at `at`, and its gradient.
    fn loss(&self, at: &[f64], gradient: &mut [f64]) -> f64 {
        let share = 1.0 / self.vectors.len().max(1) as f64;
        let strength = share / C;
        let mut loss = 0.0;
        gradient.fill(0.0);
        let row_length = self.width + 1;
        for (row, slopes) in at.chunks_exact(row_length).zip(gradient.chunks_exact_mut(row_length)) {
            for (weight, slope) in row.iter().zip(slopes.iter_mut()).take(self.width) {
                loss += 0.5 * strength * weight * weight;
                *slope = strength * weight;
            }
        }
        let mut scores = vec![0.0; self.outputs];
        for (vector, &label) in self.vectors.iter().zip(self.labels) {
            for (row, score) in at.chunks_exact(row_length).zip(&mut scores) {
                *score = dot(row, vector) + row.last().copied().unwrap_or(0.0);
            }
            loss += share * residuals(&mut scores, label);
            for (slopes, residual) in gradient.chunks_exact_mut(row_length).zip(&scores) {
                let factor = share * residual;
                for (slope, value) in slopes.iter_mut().zip(*vector) {
                    *slope += factor * f64::from(*value);
                }
                if let Some(intercept) = slopes.last_mut() {
                    *intercept += factor;
                }
            }
        }
        loss
    }
}

/// The loss of one example, whose scores become probabilities less the truth.
fn residuals(scores: &mut [f64], label: usize) -> f64 {
    if let [score] = scores {
        // log(1 + e^s) - y s, without overflow.
        let truth = if label == 1 { 1.0 } else { 0.0 };
        let loss = score.max(0.0) + (-score.abs()).exp().ln_1p() - truth * *score;
        *score = 1.0 / (1.0 + (-*score).exp()) - truth;
        return loss;
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (score - most).exp()).sum();
    let own = scores.get(label).copied().unwrap_or(0.0);
    for (class, score) in scores.iter_mut().enumerate() {
        *score = (*score - most).exp() / sum - if class == label { 1.0 } else { 0.0 };
    }
    sum.ln() + most - own
}

/// Over the shorter of both: a row of weights ends with its intercept.
fn dot(weights: &[f64], vector: &[f32]) -> f64 {
    weights.iter().zip(vector).map(|(weight, value)| weight * f64::from(*value)).sum()
}
