//! Relevance judgements: who said that which document answers which query, and how well.
//!
//! Two layouts are read, told apart by the number of columns: BEIR's three (`query-id corpus-id score`, with or without a header) and
//! TREC's four (`query iteration document grade`). BEIR's are separated by tabs so that ids may hold spaces; where a line has no tab,
//! any white space separates.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::path::Path;

use crate::error::Result;
use crate::lines::{Lines, open_plain};

/// The judgements of one query: document id to grade. Above 0 is relevant, and a larger grade is a better answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgements {
    grades: HashMap<String, i32>,
}

impl Judgements {
    /// Judges `document`; a later judgement of the same document replaces the earlier one, as in BEIR's own loader.
    pub fn insert(&mut self, document: impl Into<String>, grade: i32) {
        self.grades.insert(document.into(), grade);
    }

    /// The grade of `document`; `None` when nobody judged it.
    pub fn grade(&self, document: &str) -> Option<i32> {
        self.grades.get(document).copied()
    }

    /// How many documents are relevant.
    pub fn relevant(&self) -> usize {
        self.grades().filter(|&grade| grade > 0).count()
    }

    /// All grades, in no order.
    pub fn grades(&self) -> impl Iterator<Item = i32> {
        self.grades.values().copied()
    }

    /// Every judged document with its grade, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i32)> {
        self.grades.iter().map(|(document, &grade)| (document.as_str(), grade))
    }
}

impl FromIterator<(String, i32)> for Judgements {
    fn from_iter<I: IntoIterator<Item = (String, i32)>>(judgements: I) -> Self {
        Self { grades: judgements.into_iter().collect() }
    }
}

/// The judgements of every query of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qrels {
    queries: BTreeMap<String, Judgements>,
}

impl Qrels {
    /// No judgements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is compressed, or a line of it is in neither layout.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(open_plain(path)?, path)
    }

    /// Reads judgements from `reader`; errors call it `path`.
    ///
    /// # Errors
    /// When reading fails or a line is in neither layout.
    pub fn read(reader: impl BufRead, path: &Path) -> Result<Self> {
        let mut qrels = Self::new();
        let mut lines = Lines::new(reader, path);
        let mut first = true;
        while let Some(line) = lines.next()? {
            match parse(line) {
                Ok((query, document, grade)) => qrels.insert(query, document, grade),
                Err(_) if first && is_header(line) => {}
                Err(reason) => return Err(lines.malformed(reason)),
            }
            first = false;
        }
        Ok(qrels)
    }

    /// Judges `document` for `query`; a later judgement replaces an earlier one.
    pub fn insert(&mut self, query: impl Into<String>, document: impl Into<String>, grade: i32) {
        self.queries.entry(query.into()).or_default().insert(document, grade);
    }

    /// The judgements of `query`; `None` when it has none.
    pub fn get(&self, query: &str) -> Option<&Judgements> {
        self.queries.get(query)
    }

    /// How many queries have judgements.
    pub fn len(&self) -> usize {
        self.queries.len()
    }

    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }

    /// Every judged query with its judgements, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Judgements)> {
        self.queries.iter().map(|(query, judgements)| (query.as_str(), judgements))
    }
}

fn parse(line: &str) -> Result<(&str, &str, i32), String> {
    let columns = columns(line);
    let (query, document, grade) = match columns.as_slice() {
        [query, document, grade] | [query, _, document, grade] => (*query, *document, *grade),
        other => {
            return Err(format!(
                "expected `query document grade` or `query iteration document grade`, found {} columns",
                other.len()
            ));
        }
    };
    if query.is_empty() || document.is_empty() {
        return Err("an id is empty".into());
    }
    let grade = parse_grade(grade).ok_or_else(|| format!("the grade must be a whole number, found `{grade}`"))?;
    Ok((query, document, grade))
}

fn columns(line: &str) -> Vec<&str> {
    if line.contains('\t') { line.split('\t').map(str::trim).collect() } else { line.split_whitespace().collect() }
}

/// A whole number, also one that a data frame has turned into `1.0`.
fn parse_grade(text: &str) -> Option<i32> {
    text.parse().ok().or_else(|| {
        let (whole, zeros) = text.split_once('.')?;
        zeros.bytes().all(|digit| digit == b'0').then(|| whole.parse().ok())?
    })
}

/// Whether a line that is no judgement is the names of the columns. Strict, so that a broken first judgement is not taken for one.
fn is_header(line: &str) -> bool {
    const NAMES: [&str; 6] = ["query-id", "query_id", "queryid", "qid", "query", "topic"];
    columns(line).first().is_some_and(|name| NAMES.contains(&name.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn read(text: &str) -> Result<Qrels> {
        Qrels::read(text.as_bytes(), Path::new("q.tsv"))
    }

    #[test]
    fn three_and_four_columns_with_and_without_a_header_are_the_same_judgements() {
        let mut expected = Qrels::new();
        expected.insert("q1", "a", 2);
        expected.insert("q1", "b", 0);
        expected.insert("q2", "a", -1);
        for text in [
            "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tb\t0\nq2\ta\t-1\n",
            "\u{feff}query-id\tcorpus-id\tscore\r\nq1\ta\t2\r\nq1\tb\t0\r\n\r\nq2\ta\t-1",
            "q1\ta\t2.0\nq1\tb\t0\nq2\ta\t-1\n",
            "q1 0 a 2\nq1 0 b 0\nq2 0 a -1\n",
            "q1\tQ0\ta\t2\nq1\tQ0\tb\t0\nq2\tQ0\ta\t-1\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn ids_between_tabs_may_hold_spaces_and_a_later_judgement_wins() {
        let qrels = read("q 1\tdocs/a file.md\t1\nq 1\tdocs/a file.md\t3\n").unwrap();
        assert_eq!(qrels.get("q 1").unwrap().grade("docs/a file.md"), Some(3));
        assert_eq!(qrels.get("q 1").unwrap().relevant(), 1);
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        for (text, message) in [
            ("q1\ta\tyes\n", "q.tsv:1: the grade must be a whole number, found `yes`"),
            ("query-id\tcorpus-id\tscore\nq1\ta\t1.5\n", "q.tsv:2: the grade must be a whole number, found `1.5`"),
            ("q1\ta\t1\n\nq1 b\n", "q.tsv:3: expected `query document grade`"),
            ("q1\t\t1\n", "q.tsv:1: an id is empty"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let error = Qrels::read(&b"q1\ta\t1\nq1\t\xff\t1\n"[..], Path::new("q.tsv")).unwrap_err().to_string();
        assert_eq!(error, "q.tsv:2: not UTF-8 at byte 3 of the line");
    }
}
