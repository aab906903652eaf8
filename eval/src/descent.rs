//! L-BFGS (Nocedal 1980) for smooth convex functions: the last ten steps stand for the curvature, the step's length is halved or doubled
//! until it satisfies Wolfe's two conditions.

use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 10;
/// Share of the promised decrease that a step has to bring.
const DECREASE: f64 = 1e-4;
/// Share of the slope that a step may leave.
const CURVATURE: f64 = 0.9;
/// Most lengths tried for one step.
const TRIES: usize = 50;

/// Goes down from `at`, at most `steps` steps, until no component of the gradient is above `tolerance`. `evaluate` gives the value at a
/// point and fills in the gradient there.
pub(crate) fn minimise(
    mut at: Vec<f64>,
    steps: usize,
    tolerance: f64,
    evaluate: impl Fn(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut gradient = vec![0.0; at.len()];
    let mut value = evaluate(&at, &mut gradient);
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    for _ in 0..steps {
        if gradient.iter().all(|slope| slope.abs() <= tolerance) {
            break;
        }
        let direction = direction(&gradient, &memory);
        let first = if memory.is_empty() { (1.0 / norm(&gradient)).min(1.0) } else { 1.0 };
        let Some((to, to_value, to_gradient)) = search(&at, value, &gradient, &direction, first, &evaluate) else {
            break;
        };
        let step: Vec<f64> = to.iter().zip(&at).map(|(to, from)| to - from).collect();
        let change: Vec<f64> = to_gradient.iter().zip(&gradient).map(|(to, from)| to - from).collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-14 * dot(&change, &change) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((step, change, 1.0 / curvature));
        }
        (at, value, gradient) = (to, to_value, to_gradient);
    }
    at
}

/// Where to go: the gradient through what is remembered of the inverse Hessian.
fn direction(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut weights = Vec::with_capacity(memory.len());
    for (step, change, inverse) in memory.iter().rev() {
        let weight = inverse * dot(step, &direction);
        add(&mut direction, change, -weight);
        weights.push(weight);
    }
    if let Some((_, change, inverse)) = memory.back() {
        let scale = 1.0 / (inverse * dot(change, change));
        direction.iter_mut().for_each(|value| *value *= scale);
    }
    for ((step, change, inverse), weight) in memory.iter().zip(weights.into_iter().rev()) {
        let correction = inverse * dot(change, &direction);
        add(&mut direction, step, weight - correction);
    }
    direction
}

/// The point a step leads to, with value and gradient; `None` where no length brings anything.
fn search(
    at: &[f64],
    value: f64,
    gradient: &[f64],
    direction: &[f64],
    first: f64,
    evaluate: &impl Fn(&[f64], &mut [f64]) -> f64,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let slope = dot(gradient, direction);
    if slope >= 0.0 {
        return None;
    }
    let (mut low, mut high, mut length) = (0.0, f64::INFINITY, first);
    let mut fallback = None;
    for _ in 0..TRIES {
        let to: Vec<f64> = at.iter().zip(direction).map(|(from, way)| from + length * way).collect();
        let mut to_gradient = vec![0.0; at.len()];
        let to_value = evaluate(&to, &mut to_gradient);
        if to_value > value + DECREASE * length * slope {
            high = length;
        } else {
            let steep = dot(&to_gradient, direction) < CURVATURE * slope;
            if !steep {
                return Some((to, to_value, to_gradient));
            }
            low = length;
            fallback = Some((to, to_value, to_gradient));
        }
        length = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * length };
    }
    fallback
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bowl a hundred times steeper in one direction than in the other.
    #[test]
    fn the_bottom_of_a_long_bowl_is_found() {
        let bowl = |at: &[f64], gradient: &mut [f64]| {
            let (x, y) = (at[0] - 3.0, at[1] + 1.0);
            gradient.copy_from_slice(&[2.0 * x, 200.0 * y]);
            x * x + 100.0 * y * y
        };
        let found = minimise(vec![0.0, 0.0], 100, 1e-9, bowl);
        assert!((found[0] - 3.0).abs() < 1e-8 && (found[1] + 1.0).abs() < 1e-8, "{found:?}");
    }
}
