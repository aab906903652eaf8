//! Token states to one unit vector.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Below this length a vector counts as zero, as in PyTorch's `normalize`.
const SHORTEST: f64 = 1e-12;

/// How the states of a text become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over tokens.
    #[default]
    Mean,
    /// The state of the first token.
    Cls,
}

/// The last states of one sequence, row by row.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// `(tokens, stride)`
    pub(crate) values: &'a [f32],
    /// From one row to the next.
    pub(crate) stride: usize,
    /// Numbers of a row that count.
    pub(crate) hidden: usize,
}

impl Rows<'_> {
    /// The mean of these rows, `(hidden,)`; zeros where there are none.
    pub(crate) fn mean(self, rows: Range<usize>) -> Vec<f32> {
        let mut sum = vec![0.0; self.hidden];
        let count = rows.len().max(1) as f32;
        for row in self.values.chunks_exact(self.stride.max(1)).skip(rows.start).take(rows.len()) {
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += value;
            }
        }
        sum.iter_mut().for_each(|sum| *sum /= count);
        sum
    }

    /// The mean of each run of rows, `(runs, hidden)`.
    pub(crate) fn means(self, runs: &[Range<usize>]) -> Vec<f32> {
        runs.iter().flat_map(|run| self.mean(run.clone())).collect()
    }
}

/// Keeps the first `dimension` components and scales them to length 1. `what` names the vector in the error.
///
/// # Errors
/// [`Error::NotFinite`].
pub(crate) fn to_unit(mut vector: Vec<f32>, dimension: usize, what: impl Fn() -> String) -> Result<Vec<f32>> {
    vector.truncate(dimension);
    let length = vector.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return Err(Error::NotFinite { what: what() });
    }
    let scale = 1.0 / length.max(SHORTEST);
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
    Ok(vector)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_vector_is_cut_and_then_scaled() {
        let unit = to_unit(vec![3.0, 4.0, 100.0], 2, String::new).unwrap();
        assert_eq!(unit, [0.6, 0.8]);
        assert_eq!(to_unit(vec![0.0; 3], 3, String::new).unwrap(), [0.0; 3]);
        assert!(matches!(to_unit(vec![f32::NAN], 1, || "it".into()), Err(Error::NotFinite { what }) if what == "it"));
    }

    #[test]
    fn means_are_over_the_rows_named() {
        let rows = Rows { values: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], stride: 2, hidden: 2 };
        assert_eq!(rows.mean(1..3), [4.0, 5.0]);
        assert_eq!(Rows { stride: 3, ..rows }.mean(0..2), [2.5, 3.5]);
        assert_eq!(rows.mean(1..1), [0.0, 0.0]);
    }
}
