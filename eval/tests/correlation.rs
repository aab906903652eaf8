//! Spearman and Pearson: known values, what must hold for all, and the cases where textbooks leave the answer open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use neodex_eval::Error;
use neodex_eval::sts::{SentencePair, evaluate, pearson, spearman};
use proptest::prelude::*;

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

/// Worked by hand: deviations (-2 -1 0 1 2) and (-2 0 -1 2 1), products 4 0 0 2 2, squares 10 each.
#[test]
fn values_worked_out_by_hand() {
    let left = [1.0, 2.0, 3.0, 4.0, 5.0];
    let right = [1.0, 3.0, 2.0, 5.0, 4.0];
    assert!(close(pearson(&left, &right).unwrap(), 0.8));
    assert!(close(spearman(&left, &right).unwrap(), 0.8));
    // Ranks of the right side with ties: 1 2.5 2.5 4; deviations -1.5 0 0 1.5; 4.5 / sqrt(5 * 4.5).
    let tied = spearman(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 20.0, 1000.0]).unwrap();
    assert!(close(tied, 4.5 / 22.5f64.sqrt()));
}

#[test]
fn a_constant_side_or_a_lone_pair_tells_nothing_and_is_0() {
    for (left, right) in [(vec![], vec![]), (vec![1.0], vec![2.0]), (vec![0.1; 5], vec![1.0, 2.0, 3.0, 4.0, 5.0])] {
        assert_eq!(pearson(&left, &right).unwrap(), 0.0);
        assert_eq!(spearman(&right, &left).unwrap(), 0.0);
    }
}

#[test]
fn values_near_the_ends_of_the_range_do_not_overflow() {
    let left = [f64::MAX, -f64::MAX, f64::MAX / 2.0];
    assert!(close(pearson(&left, &[1.0, -1.0, 0.5]).unwrap(), 1.0));
    let tiny = [1e-300, 2e-300, 3e-300];
    assert!(close(pearson(&tiny, &[1.0, 2.0, 3.0]).unwrap(), 1.0));
}

#[test]
fn lists_that_are_not_pairs_and_values_that_are_no_numbers_are_errors() {
    assert!(matches!(pearson(&[1.0], &[]), Err(Error::LengthMismatch { left: 1, right: 0 })));
    assert!(matches!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), Err(Error::NotFinite { position: 1 })));
}

#[test]
fn a_file_of_pairs_is_judged_by_both() {
    let pairs: Vec<SentencePair> = [0.0, 1.0, 5.0]
        .map(|score| SentencePair { sentence1: String::new(), sentence2: String::new(), score })
        .to_vec();
    let report = evaluate(&pairs, &[0.1, 0.2, 0.3]).unwrap();
    assert!(close(report.spearman, 1.0) && report.pearson < 1.0 && report.pairs == 3);
}

/// The rank of each value is one more than the number of smaller ones, plus half the number of equal others.
fn naive_ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: f64| {
        let smaller = values.iter().filter(|&&other| other < value).count() as f64;
        let equal = values.iter().filter(|&&other| other == value).count() as f64;
        1.0 + smaller + (equal - 1.0) / 2.0
    };
    values.iter().map(|&value| rank(value)).collect()
}

fn naive_pearson(left: &[f64], right: &[f64]) -> f64 {
    let n = left.len() as f64;
    let sum = |f: &dyn Fn(f64, f64) -> f64| left.iter().zip(right).map(|(&a, &b)| f(a, b)).sum::<f64>();
    let covariance = n * sum(&|a, b| a * b) - sum(&|a, _| a) * sum(&|_, b| b);
    let left_variance = n * sum(&|a, _| a * a) - sum(&|a, _| a).powi(2);
    let right_variance = n * sum(&|_, b| b * b) - sum(&|_, b| b).powi(2);
    if left_variance <= 0.0 || right_variance <= 0.0 {
        0.0
    } else {
        covariance / (left_variance * right_variance).sqrt()
    }
}

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    // Few distinct values, so that there are ties; small integers, so that the naive sums are exact.
    prop::collection::vec(((-6i8..6).prop_map(f64::from), (-6i8..6).prop_map(f64::from)), 0..40)
}

proptest! {
    #[test]
    fn the_naive_implementation_agrees(pairs in pairs()) {
        let (left, right): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        prop_assert!(close(pearson(&left, &right).unwrap(), naive_pearson(&left, &right)));
        let (left_ranks, right_ranks) = (naive_ranks(&left), naive_ranks(&right));
        prop_assert!(close(spearman(&left, &right).unwrap(), naive_pearson(&left_ranks, &right_ranks)));
    }

    #[test]
    fn correlations_are_bounded_symmetric_and_blind_to_scale(pairs in pairs(), scale in 0.01f64..100.0, shift in -50f64..50.0) {
        let (left, right): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let moved: Vec<f64> = left.iter().map(|value| value * scale + shift).collect();
        for correlation in [pearson, spearman] {
            let found = correlation(&left, &right).unwrap();
            prop_assert!((-1.0..=1.0).contains(&found));
            prop_assert!(close(found, correlation(&right, &left).unwrap()));
        }
        prop_assert!((pearson(&left, &right).unwrap() - pearson(&moved, &right).unwrap()).abs() < 1e-6);
        // Any rising change of one side leaves the ranks alone.
        let cubed: Vec<f64> = left.iter().map(|value| value.powi(3)).collect();
        prop_assert!(close(spearman(&left, &right).unwrap(), spearman(&cubed, &right).unwrap()));
    }
}
