//! Which tasks a folder holds: one whose data lies in it, or one in each of its subfolders.
//!
//! What the data does not say stands in `task.json` beside it, every key of which may be absent. The kind of a task shows in its records.

use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::lines::Lines;

/// Opens a file, unpacking it where it is packed.
pub type Open<'a> = &'a dyn Fn(&Path) -> io::Result<Box<dyn BufRead>>;

/// What is asked of a model. The names are MTEB's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Records `text`, `label`; `train.jsonl` beside the test set.
    Classification,
    /// Records `sentences`, `labels`: a set a record, or a sentence a record.
    Clustering,
    /// Records `sentence1`, `sentence2`, `labels` (or `sent1`, `sent2`, `label`): a pair a record, or all of them in lists.
    PairClassification,
    /// Records `query`, `positive`, `negative`.
    Reranking,
    /// A BEIR folder.
    Retrieval,
    /// Records `sentence1`, `sentence2`, `score`.
    #[serde(rename = "STS")]
    Similarity,
    /// Records `human_summaries`, `machine_summaries`, `relevance`.
    Summarization,
}

impl Kind {
    /// MTEB's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Classification => "Classification",
            Kind::Clustering => "Clustering",
            Kind::PairClassification => "PairClassification",
            Kind::Reranking => "Reranking",
            Kind::Retrieval => "Retrieval",
            Kind::Similarity => "STS",
            Kind::Summarization => "Summarization",
        }
    }

    /// The kind whose records look like this one.
    fn of(record: &Map<String, Value>) -> Option<Self> {
        let has = |names: &[&str]| names.iter().all(|name| record.contains_key(*name));
        let either = |names: &[&str]| names.iter().any(|name| record.contains_key(*name));
        let paired = has(&["sentence1", "sentence2"]) || has(&["sent1", "sent2"]);
        match () {
            () if has(&["human_summaries", "machine_summaries"]) => Some(Kind::Summarization),
            () if has(&["query", "positive", "negative"]) => Some(Kind::Reranking),
            () if paired && has(&["score"]) => Some(Kind::Similarity),
            () if paired && either(&["label", "labels"]) => Some(Kind::PairClassification),
            () if has(&["sentences", "labels"]) => Some(Kind::Clustering),
            () if has(&["text", "label"]) => Some(Kind::Classification),
            () => None,
        }
    }
}

/// The content of `task.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskOptions {
    /// What the task is called; the folder's name where it is absent.
    pub name: Option<String>,
    /// Its kind, where the records should not decide.
    pub kind: Option<Kind>,
    /// The split that is judged; else the first there is of `test`, `validation` and `dev`.
    pub split: Option<String>,
    /// Which version of the data it is.
    pub revision: String,
    /// MTEB's codes of its languages.
    pub languages: Vec<String>,
    /// Training examples of each class in a classification.
    pub samples_per_label: usize,
    /// Classifiers fitted, each to examples of its own.
    pub experiments: usize,
    /// Whether a document is no answer to a query of the same id.
    pub ignore_identical_ids: bool,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            name: None,
            kind: None,
            split: None,
            revision: "local".to_owned(),
            languages: vec!["eng-Latn".to_owned()],
            samples_per_label: 8,
            experiments: 10,
            ignore_identical_ids: false,
        }
    }
}

/// A task's folder.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFolder {
    /// Where it is.
    pub path: PathBuf,
    /// What the task is called.
    pub name: String,
    /// What is asked.
    pub kind: Kind,
    /// The split that is judged.
    pub split: String,
    /// The rest of `task.json`.
    pub options: TaskOptions,
}

/// Splits, in the order they are tried.
const SPLITS: [&str; 3] = ["test", "validation", "dev"];
/// What a file of records may be called behind its dot.
const ENDINGS: [&str; 3] = ["jsonl", "jsonl.gz", "jsonl.zst"];

impl TaskFolder {
    /// The tasks in `dir`, by name.
    ///
    /// # Errors
    /// When it cannot be read, holds no task, or a task's kind cannot be told.
    pub fn find(dir: &Path, open: Open<'_>) -> Result<Vec<Self>> {
        if is_task(dir) {
            return Ok(vec![Self::read(dir, open)?]);
        }
        let io = |source| Error::Io { path: dir.to_owned(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(dir).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if is_task(&path) {
                found.push(Self::read(&path, open)?);
            }
        }
        if found.is_empty() {
            return Err(Error::NoTask { folder: dir.to_owned() });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn read(path: &Path, open: Open<'_>) -> Result<Self> {
        let file = path.join("task.json");
        let io = |source| Error::Io { path: file.clone(), source };
        let options: TaskOptions = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| Error::Json {
                path: file.clone(),
                line: source.line() as u64,
                source,
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => TaskOptions::default(),
            Err(error) => return Err(io(error)),
        };
        let is_retrieval = file_of(path, "corpus").is_some();
        let split = match &options.split {
            Some(split) => split.clone(),
            None => SPLITS.into_iter().find(|split| has_split(path, split)).unwrap_or("test").to_owned(),
        };
        let kind = match options.kind {
            Some(kind) => kind,
            None if is_retrieval => Kind::Retrieval,
            None => kind_of_records(&split_file(path, &split)?, open)?,
        };
        let own_name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let own_name = own_name.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = options.name.clone().or(own_name).unwrap_or_else(|| "task".to_owned());
        Ok(Self { path: path.to_owned(), name, kind, split, options })
    }

    /// The file of a split.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn file(&self, split: &str) -> Result<PathBuf> {
        split_file(&self.path, split)
    }
}

fn is_task(dir: &Path) -> bool {
    dir.join("task.json").is_file()
        || file_of(dir, "corpus").is_some()
        || SPLITS.iter().any(|split| file_of(dir, split).is_some())
}

fn has_split(dir: &Path, split: &str) -> bool {
    file_of(dir, split).is_some() || judgements(dir, split).is_some()
}

/// The judgements of a retrieval task.
pub(super) fn judgements(dir: &Path, split: &str) -> Option<PathBuf> {
    let names = [format!("qrels/{split}.tsv"), "qrels.tsv".to_owned()];
    names.iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

pub(super) fn file_of(dir: &Path, stem: &str) -> Option<PathBuf> {
    ENDINGS.iter().map(|ending| dir.join(format!("{stem}.{ending}"))).find(|path| path.is_file())
}

fn split_file(dir: &Path, split: &str) -> Result<PathBuf> {
    file_of(dir, split).ok_or_else(|| Error::MissingRecords { folder: dir.to_owned(), split: split.to_owned() })
}

fn kind_of_records(path: &Path, open: Open<'_>) -> Result<Kind> {
    let reader = open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let mut lines = Lines::new(reader, path);
    let Some(line) = lines.next()? else { return Err(lines.malformed("there are no records in it")) };
    let record: Map<String, Value> = serde_json::from_str(line).map_err(|source| lines.json(source))?;
    Kind::of(&record).ok_or_else(|| {
        let keys: Vec<&str> = record.keys().map(String::as_str).collect();
        lines.malformed(format!("records with `{}` belong to no kind of task", keys.join("`, `")))
    })
}
