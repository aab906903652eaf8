//! Metrics of predicted classes: accuracy, F1, Matthews' correlation, with the definitions of scikit-learn.
//!
//! Classes are any ordered values. A class that is neither predicted nor true does not exist; where a ratio has nothing below the line
//! it is 0, as scikit-learn has it after its warning.

use std::collections::BTreeMap;

/// How often each class was true, predicted, and both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion<L> {
    classes: BTreeMap<L, Counts>,
    total: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    truly: usize,
    predicted: usize,
    both: usize,
}

impl Counts {
    /// `2 tp / (2 tp + fp + fn)`.
    fn f1(self) -> f64 {
        ratio(2 * self.both, self.truly + self.predicted)
    }

    fn precision(self) -> f64 {
        ratio(self.both, self.predicted)
    }

    fn recall(self) -> f64 {
        ratio(self.both, self.truly)
    }
}

impl<L: Ord + Clone> Confusion<L> {
    /// Counts pairs of a true and a predicted class.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a L, &'a L)>) -> Self
    where
        L: 'a,
    {
        let mut confusion = Self { classes: BTreeMap::new(), total: 0 };
        let mut count = |label: &L, change: fn(&mut Counts)| match confusion.classes.get_mut(label) {
            Some(counts) => change(counts),
            None => change(confusion.classes.entry(label.clone()).or_default()),
        };
        let mut total = 0;
        for (truth, predicted) in pairs {
            total += 1;
            count(truth, |counts| counts.truly += 1);
            count(predicted, |counts| counts.predicted += 1);
            if truth == predicted {
                count(truth, |counts| counts.both += 1);
            }
        }
        confusion.total = total;
        confusion
    }

    /// How many pairs were counted.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The share predicted rightly; 0 of nothing.
    pub fn accuracy(&self) -> f64 {
        ratio(self.classes.values().map(|counts| counts.both).sum(), self.total)
    }

    /// Precision of every class, each counting the same; the share of what was predicted as a class that is of it.
    pub fn precision_macro(&self) -> f64 {
        self.mean(Counts::precision)
    }

    /// The same, each class counting as often as it is true.
    pub fn precision_weighted(&self) -> f64 {
        self.weighted_mean(Counts::precision)
    }

    /// Recall of every class, each counting the same; the share of a class that was predicted as it.
    pub fn recall_macro(&self) -> f64 {
        self.mean(Counts::recall)
    }

    /// The same, each class counting as often as it is true.
    pub fn recall_weighted(&self) -> f64 {
        self.weighted_mean(Counts::recall)
    }

    /// F1 of one class against all others; 0 where it is neither true nor predicted.
    pub fn f1(&self, class: &L) -> f64 {
        self.classes.get(class).map_or(0.0, |counts| counts.f1())
    }

    /// Mean of the classes' F1, each counting the same.
    pub fn f1_macro(&self) -> f64 {
        self.mean(Counts::f1)
    }

    /// Mean of the classes' F1, each counting as often as it is true.
    pub fn f1_weighted(&self) -> f64 {
        self.weighted_mean(Counts::f1)
    }

    /// Matthews' correlation, -1..=1, in Gorodkin's form for any number of classes; 0 where either side is constant.
    pub fn matthews(&self) -> f64 {
        let sum = |of: fn(&Counts) -> f64| self.classes.values().map(of).sum::<f64>();
        let total = self.total as f64;
        let both = sum(|counts| counts.both as f64);
        let cross = sum(|counts| counts.truly as f64 * counts.predicted as f64);
        let truly = total * total - sum(|counts| (counts.truly as f64).powi(2));
        let predicted = total * total - sum(|counts| (counts.predicted as f64).powi(2));
        let scale = truly * predicted;
        if scale > 0.0 { (both * total - cross) / scale.sqrt() } else { 0.0 }
    }

    fn mean(&self, of: fn(Counts) -> f64) -> f64 {
        let sum: f64 = self.classes.values().map(|&counts| of(counts)).sum();
        if self.classes.is_empty() { 0.0 } else { sum / self.classes.len() as f64 }
    }

    fn weighted_mean(&self, of: fn(Counts) -> f64) -> f64 {
        let sum: f64 = self.classes.values().map(|&counts| of(counts) * counts.truly as f64).sum();
        if self.total == 0 { 0.0 } else { sum / self.total as f64 }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}
