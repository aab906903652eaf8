//! A BEIR folder: `corpus.jsonl`, `queries.jsonl`, and `qrels/test.tsv` or `qrels.tsv`.
//!
//! The corpus is streamed, because it may be larger than memory; queries and judgements are small and are read whole. Only judged
//! queries are handed out: many collections ship far more queries than judgements, and a query nobody judged measures nothing.
//!
//! Corpus and queries may lie there as `.gz` or `.zst`. This crate does not decompress: give [`CorpusReader::new`] and [`read_queries`]
//! a reader that does.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::lines::{Lines, open_plain};
use crate::qrels::Qrels;

/// Where the files of a collection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeirFolder {
    /// The folder itself.
    pub folder: PathBuf,
    /// `corpus.jsonl`, maybe with `.gz` or `.zst`.
    pub corpus: PathBuf,
    /// `queries.jsonl`, maybe with `.gz` or `.zst`.
    pub queries: PathBuf,
    /// The judgements: `qrels/test.tsv`, else `qrels.tsv`.
    pub qrels: PathBuf,
}

impl BeirFolder {
    /// Finds the collection's files in `folder`.
    ///
    /// # Errors
    /// When one of the three is not there; the message lists the names looked for.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            corpus: first_file(folder, &["corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst"])?,
            queries: first_file(folder, &["queries.jsonl", "queries.jsonl.gz", "queries.jsonl.zst"])?,
            qrels: first_file(folder, &["qrels/test.tsv", "qrels.tsv"])?,
        })
    }

    /// The documents, streamed.
    ///
    /// # Errors
    /// When the file cannot be opened or is compressed.
    pub fn corpus(&self) -> Result<CorpusReader<BufReader<File>>> {
        Ok(CorpusReader::new(open_plain(&self.corpus)?, &self.corpus))
    }

    /// The judgements.
    ///
    /// # Errors
    /// When the file cannot be read or a line of it is no judgement.
    pub fn qrels(&self) -> Result<Qrels> {
        Qrels::open(&self.qrels)
    }

    /// The queries that `qrels` judges, in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read or is compressed, and as [`read_queries`].
    pub fn queries(&self, qrels: &Qrels) -> Result<Vec<Query>> {
        read_queries(open_plain(&self.queries)?, &self.queries, qrels)
    }
}

fn first_file(folder: &Path, names: &[&str]) -> Result<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| Error::MissingFile {
        folder: folder.to_owned(),
        expected: names.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its id in the judgements.
    pub id: String,
    /// What is asked.
    pub text: String,
}

/// Reads the queries that `qrels` gives at least one relevant document, in the order of the file; errors call it `path`.
///
/// # Errors
/// When reading fails, a line is no query, an id comes twice, or a judged query is not there.
pub fn read_queries(reader: impl BufRead, path: &Path, qrels: &Qrels) -> Result<Vec<Query>> {
    let judged: HashSet<&str> = qrels.iter().filter(|(_, j)| j.relevant() > 0).map(|(query, _)| query).collect();
    let mut queries = Vec::with_capacity(judged.len());
    let mut seen = HashSet::with_capacity(judged.len());
    let mut lines = Lines::new(reader, path);
    while let Some(line) = lines.next()? {
        let record: Record = serde_json::from_str(line).map_err(|source| lines.json(source))?;
        let Some(&id) = judged.get(record.id.0.as_str()) else { continue };
        if !seen.insert(id) {
            return Err(lines.malformed(format!("the query id `{id}` comes a second time")));
        }
        queries.push(Query { id: id.to_owned(), text: record.text });
    }
    // The smallest, so that the message is the same on every run.
    if let Some(example) = judged.difference(&seen).min() {
        return Err(Error::UnknownQueries {
            path: path.to_owned(),
            missing: judged.len() - seen.len(),
            judged: judged.len(),
            example: (*example).to_owned(),
        });
    }
    Ok(queries)
}

/// A document of the corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct CorpusDocument {
    /// Its id in the judgements.
    pub id: String,
    /// Its title; empty when it has none.
    pub title: String,
    /// Its text.
    pub text: String,
    /// The object `metadata` together with all keys that BEIR does not define.
    pub metadata: Map<String, Value>,
}

/// The documents of a `corpus.jsonl`, one line at a time.
pub struct CorpusReader<R> {
    lines: Lines<R>,
    failed: bool,
}

impl<R: BufRead> CorpusReader<R> {
    /// Reads documents from `reader`; errors call it `path`.
    pub fn new(reader: R, path: &Path) -> Self {
        Self { lines: Lines::new(reader, path), failed: false }
    }

    fn read(&mut self) -> Result<Option<CorpusDocument>> {
        let Some(line) = self.lines.next()? else { return Ok(None) };
        let record: Record = serde_json::from_str(line).map_err(|source| self.lines.json(source))?;
        let mut metadata = record.metadata.unwrap_or_default();
        metadata.extend(record.unknown);
        let title = record.title.unwrap_or_default();
        Ok(Some(CorpusDocument { id: record.id.0, title, text: record.text, metadata }))
    }
}

impl<R: BufRead> Iterator for CorpusReader<R> {
    type Item = Result<CorpusDocument>;

    /// The next document. After an error nothing more comes: half a collection would give figures that look real.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let document = self.read().transpose();
        self.failed = matches!(document, Some(Err(_)));
        document
    }
}

/// A line of either JSON Lines file.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "_id", alias = "id")]
    id: Id,
    title: Option<String>,
    text: String,
    metadata: Option<Map<String, Value>>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// An id; some collections write theirs as numbers.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(id) if !id.is_empty() => Ok(Self(id)),
            Value::Number(id) => Ok(Self(id.to_string())),
            other => Err(serde::de::Error::custom(format!("`_id` must be a string or a number, found {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn corpus(text: &str) -> Vec<Result<CorpusDocument>> {
        CorpusReader::new(text.as_bytes(), Path::new("corpus.jsonl")).collect()
    }

    #[test]
    fn ids_may_be_numbers_and_unknown_keys_are_metadata() {
        let documents = corpus("{\"_id\":7,\"text\":\"x\",\"title\":null,\"year\":1999,\"metadata\":{\"a\":true}}\n");
        let document = documents[0].as_ref().unwrap();
        assert_eq!((document.id.as_str(), document.title.as_str(), document.text.as_str()), ("7", "", "x"));
        assert_eq!(Value::Object(document.metadata.clone()), serde_json::json!({"a": true, "year": 1999}));
    }

    #[test]
    fn a_broken_line_is_named_and_ends_the_corpus() {
        let good = "{\"_id\":\"1\",\"text\":\"x\"}\n";
        for (bad, message) in [
            ("{\"_id\":\"2\"}", "corpus.jsonl:3: missing field `text`"),
            ("{\"_id\":\"2\",\"text\":", "corpus.jsonl:3: EOF while parsing"),
            ("{\"_id\":[],\"text\":\"x\"}", "corpus.jsonl:3: `_id` must be a string or a number, found []"),
        ] {
            let documents = corpus(&format!("{good}\n{bad}\n{good}"));
            assert_eq!(documents.len(), 2, "{bad}");
            let error = documents[1].as_ref().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
