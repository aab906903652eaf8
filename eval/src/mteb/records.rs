//! The records of each kind of task, in the layouts MTEB's data sets have had.

use std::io::BufRead;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::folder::Open;
use crate::error::{Error, Result};
use crate::lines::Lines;

/// Reads every record of a file.
pub(super) fn read<T: DeserializeOwned>(path: &Path, open: Open<'_>) -> Result<Vec<T>> {
    let reader = open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    parse(reader, path)
}

fn parse<T: DeserializeOwned>(reader: impl BufRead, path: &Path) -> Result<Vec<T>> {
    let mut lines = Lines::new(reader, path);
    let mut records = Vec::new();
    while let Some(line) = lines.next()? {
        records.push(serde_json::from_str(line).map_err(|source| lines.json(source))?);
    }
    Ok(records)
}

/// A class: numbers come in their order, before names in theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Label {
    Number(i64),
    Name(String),
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self::Name(name)),
            Value::Bool(truth) => Ok(Self::Number(truth.into())),
            Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => {
                Ok(Self::Number(number.as_f64().unwrap_or_default() as i64))
            }
            other => Err(serde::de::Error::custom(format!("a label is a whole number or a name, found {other}"))),
        }
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(all) => all,
            Self::One(one) => vec![one],
        }
    }

    pub(super) fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Classified {
    pub(super) text: String,
    pub(super) label: Label,
}

#[derive(Debug, Deserialize)]
pub(super) struct ClusterSet {
    pub(super) sentences: OneOrMany<String>,
    pub(super) labels: OneOrMany<Label>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pairs {
    #[serde(alias = "sent1")]
    pub(super) sentence1: OneOrMany<String>,
    #[serde(alias = "sent2")]
    pub(super) sentence2: OneOrMany<String>,
    #[serde(alias = "label")]
    pub(super) labels: OneOrMany<Label>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reranked {
    pub(super) query: OneOrMany<String>,
    pub(super) positive: Vec<String>,
    pub(super) negative: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Similar {
    #[serde(alias = "sent1")]
    pub(super) sentence1: String,
    #[serde(alias = "sent2")]
    pub(super) sentence2: String,
    pub(super) score: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) human_summaries: Vec<String>,
    pub(super) machine_summaries: Vec<String>,
    pub(super) relevance: Vec<f64>,
}
