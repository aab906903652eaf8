//! The scores of a task, by MTEB's names.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The scores of one task on one split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// The name of the score that stands for the task.
    #[serde(skip)]
    pub main: &'static str,
    /// All scores, `main_score` among them. Shares and correlations are not in per cent.
    #[serde(flatten)]
    pub values: BTreeMap<String, f64>,
    /// Scores of single runs or sets, in lists or objects of their own.
    #[serde(flatten)]
    pub details: BTreeMap<String, Value>,
}

impl Scores {
    /// Scores whose main one is `main`, which must be among them.
    pub(super) fn new(main: &'static str, values: impl IntoIterator<Item = (String, f64)>) -> Self {
        let mut values: BTreeMap<String, f64> = values.into_iter().collect();
        let score = values.get(main).copied().unwrap_or_default();
        values.insert("main_score".to_owned(), score);
        Self { main, values, details: BTreeMap::new() }
    }

    /// The score that stands for the task.
    pub fn main_score(&self) -> f64 {
        self.get("main_score")
    }

    /// A score by name; 0 where there is none of it.
    pub fn get(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or_default()
    }
}
