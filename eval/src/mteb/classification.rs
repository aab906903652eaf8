//! Classification: how well a logistic regression on few examples a class tells the classes of the test set apart.

use std::collections::{BTreeMap, HashMap};

use super::scores::Scores;
use crate::binary::average_precision;
use crate::labels::Confusion;
use crate::logistic::LogisticRegression;
use crate::mersenne::MersenneTwister;

/// Which training examples each experiment has: `per_label` of every class, the first of them in an order that is shuffled again for
/// each experiment, as MTEB draws them with the same seed.
pub fn sample(labels: &[usize], per_label: usize, experiments: usize, seed: u32) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    (0..experiments)
        .map(|_| {
            MersenneTwister::new(seed).shuffle(&mut order);
            let mut taken: HashMap<usize, usize> = HashMap::new();
            let fits = |example: &usize| {
                let taken = taken.entry(labels.get(*example).copied().unwrap_or_default()).or_default();
                *taken += 1;
                *taken <= per_label
            };
            order.iter().copied().filter(fits).collect()
        })
        .collect()
}

/// Fits a classifier for each experiment and judges what it says of the test set. Labels are numbers of classes in their order.
/// `train` maps an example that some experiment has to its vector.
pub fn classification(
    experiments: &[Vec<usize>],
    train: &HashMap<usize, Vec<f32>>,
    train_labels: &[usize],
    test: &[Vec<f32>],
    test_labels: &[usize],
) -> Scores {
    let runs: Vec<BTreeMap<String, f64>> = experiments
        .iter()
        .map(|examples| {
            let known = examples
                .iter()
                .filter_map(|example| Some((train.get(example)?.as_slice(), *train_labels.get(*example)?)));
            let (vectors, labels): (Vec<&[f32]>, Vec<usize>) = known.unzip();
            // Only classes that the experiment has can be predicted.
            let mut present = labels.clone();
            present.sort_unstable();
            present.dedup();
            let place = |label: &usize| present.binary_search(label).unwrap_or_default();
            let places: Vec<usize> = labels.iter().map(place).collect();
            let fitted = LogisticRegression::fit(&vectors, &places, present.len());
            let predict = |vector: &Vec<f32>| present.get(fitted.predict(vector)).copied().unwrap_or_default();
            judge(test_labels, &test.iter().map(predict).collect::<Vec<_>>())
        })
        .collect();
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (name, value) in runs.iter().flatten() {
        *sums.entry(name.clone()).or_default() += value / runs.len() as f64;
    }
    let mut scores = Scores::new("accuracy", sums);
    scores.details.insert("scores_per_experiment".to_owned(), serde_json::json!(runs));
    scores
}

/// One experiment's scores.
fn judge(truths: &[usize], predictions: &[usize]) -> BTreeMap<String, f64> {
    let confusion = Confusion::of(truths.iter().zip(predictions));
    let mut scores = BTreeMap::from(
        [
            ("accuracy", confusion.accuracy()),
            ("f1", confusion.f1_macro()),
            ("f1_weighted", confusion.f1_weighted()),
            ("precision", confusion.precision_macro()),
            ("precision_weighted", confusion.precision_weighted()),
            ("recall", confusion.recall_macro()),
            ("recall_weighted", confusion.recall_weighted()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let (least, most) = (truths.iter().min(), truths.iter().max());
    if let (Some(least), Some(most)) = (least, most)
        && least != most
        && truths.iter().all(|truth| truth == least || truth == most)
    {
        let scored: Vec<f64> = predictions.iter().map(|&class| class as f64).collect();
        let positive: Vec<bool> = truths.iter().map(|truth| truth == most).collect();
        let precision = average_precision(&scored, &positive);
        scores.insert("ap".to_owned(), precision);
        scores.insert("ap_weighted".to_owned(), precision);
    }
    scores
}
