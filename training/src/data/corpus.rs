//! Documents for pretraining, streamed from files of records.

use std::path::Path;

use serde_json::Value;

use super::error::Result;
use super::records::{Record, Records, Report};

/// A text to learn from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub text: String,
    /// What it is called, where its record says so.
    pub title: Option<String>,
}

/// Where a record keeps what a [`Document`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Fields that are texts, the first that a record has; a list of texts gives one document each.
    pub text: Vec<String>,
    /// The field of the title.
    pub title: Option<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { text: vec!["text".to_owned()], title: Some("title".to_owned()) }
    }
}

impl Fields {
    /// These fields for the text, and no title.
    #[must_use]
    pub fn text(names: &[&str]) -> Self {
        Self { text: names.iter().map(|&name| name.to_owned()).collect(), title: None }
    }
}

/// An iterator over the documents of files and folders, in the order of their names.
pub struct Corpus {
    records: Records,
    fields: Fields,
    waiting: Vec<Document>,
}

impl Corpus {
    /// The documents of these files and folders; [`Records::open`] says which files are read.
    ///
    /// # Errors
    /// Those of [`Records::open`].
    pub fn open<P: AsRef<Path>>(paths: &[P], fields: Fields) -> Result<Self> {
        Ok(Self { records: Records::open(paths)?, fields, waiting: Vec::new() })
    }

    /// Records read and passed over so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        self.records.report()
    }
}

impl Iterator for Corpus {
    type Item = Result<Document>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(document) = self.waiting.pop() {
                return Some(Ok(document));
            }
            let (line, mut record) = match self.records.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let title = self.fields.title.as_ref().and_then(|name| texts(record.remove(name)).into_iter().next());
            let text = first_texts(&mut record, &self.fields.text);
            if text.is_empty() {
                self.records.refuse(line, format!("it has no text under {}", self.fields.text.join(" or ")));
            }
            self.waiting.extend(text.into_iter().rev().map(|text| Document { text, title: title.clone() }));
        }
    }
}

/// The texts of the first of these fields that has any.
pub(crate) fn first_texts(record: &mut Record, names: &[String]) -> Vec<String> {
    names.iter().map(|name| texts(record.remove(name))).find(|texts| !texts.is_empty()).unwrap_or_default()
}

/// A text, or the texts of a list, those that say something.
fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) if !text.trim().is_empty() => vec![text],
        Some(Value::Array(list)) => list.into_iter().flat_map(|value| texts(Some(value))).collect(),
        _ => Vec::new(),
    }
}
