//! A run: what a search answered to every query of a collection, and the TREC file it is exchanged in.
//!
//! A line of the file is `query Q0 document rank score tag`. As trec_eval does, reading ranks by score and not by the rank column;
//! documents of equal score keep the order of the file (trec_eval sorts those by id, which is the only place where its figures can
//! differ from ours).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::lines::{Lines, open_plain};

/// One document of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedDocument {
    /// The document's id in the collection.
    pub document_id: String,
    /// Larger is better. Metrics look at the order only.
    pub score: f64,
}

impl AsRef<str> for RankedDocument {
    fn as_ref(&self) -> &str {
        &self.document_id
    }
}

/// The answers to all queries, best document first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// What made the run: the last column of the file.
    pub tag: String,
    queries: BTreeMap<String, Vec<RankedDocument>>,
}

impl Run {
    /// A run without answers.
    pub fn new(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), queries: BTreeMap::new() }
    }

    /// Sets the answer to `query`: documents in their order, best first, each with its score.
    pub fn insert<S: Into<String>>(
        &mut self,
        query: impl Into<String>,
        ranking: impl IntoIterator<Item = (S, impl Into<f64>)>,
    ) {
        let ranking = ranking
            .into_iter()
            .map(|(document, score)| RankedDocument { document_id: document.into(), score: score.into() })
            .collect();
        self.queries.insert(query.into(), ranking);
    }

    /// The answer to `query`; `None` when the run has none.
    pub fn get(&self, query: &str) -> Option<&[RankedDocument]> {
        self.queries.get(query).map(Vec::as_slice)
    }

    /// Every query with its answer, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[RankedDocument])> {
        self.queries.iter().map(|(query, ranking)| (query.as_str(), ranking.as_slice()))
    }

    /// How many queries have an answer.
    pub fn len(&self) -> usize {
        self.queries.len()
    }

    /// Whether no query has an answer.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }

    /// Reads the TREC run at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is compressed, or a line of it is not a line of a run.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(open_plain(path)?, path)
    }

    /// Reads a TREC run from `reader`; errors call it `path`. The tag is that of the first line.
    ///
    /// # Errors
    /// When reading fails or a line is not `query Q0 document rank score tag` with a number for a score.
    pub fn read(reader: impl BufRead, path: &Path) -> Result<Self> {
        let mut run = Self::default();
        let mut lines = Lines::new(reader, path);
        while let Some(line) = lines.next()? {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let &[query, _, document, _, score, tag] = columns.as_slice() else {
                let reason = format!("expected `query Q0 document rank score tag`, found {} columns", columns.len());
                return Err(lines.malformed(reason));
            };
            let Some(score) = score.parse::<f64>().ok().filter(|score| !score.is_nan()) else {
                let reason = format!("the score must be a number, found `{score}`");
                return Err(lines.malformed(reason));
            };
            if run.queries.is_empty() {
                run.tag = tag.to_owned();
            }
            let document_id = document.to_owned();
            run.queries.entry(query.to_owned()).or_default().push(RankedDocument { document_id, score });
        }
        for ranking in run.queries.values_mut() {
            ranking.sort_by(|a, b| b.score.total_cmp(&a.score));
        }
        Ok(run)
    }

    /// Writes the run in TREC's layout to `path`.
    ///
    /// # Errors
    /// As [`Run::write`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).map_err(io)?);
        self.write(&mut file, path)?;
        file.into_inner().map(drop).map_err(|error| io(error.into_error()))
    }

    /// Writes the run in TREC's layout to `writer`; errors call it `path`. Scores have all digits needed to read them back unchanged.
    ///
    /// # Errors
    /// When writing fails, or an id has white space in it, which the format has no way to write.
    pub fn write(&self, mut writer: impl Write, path: &Path) -> Result<()> {
        let tag = word(&self.tag)?;
        for (query, ranking) in self.iter() {
            let query = word(query)?;
            for (position, RankedDocument { document_id, score }) in ranking.iter().enumerate() {
                let document = word(document_id)?;
                writeln!(writer, "{query} Q0 {document} {rank} {score} {tag}", rank = position + 1)
                    .map_err(|source| Error::Io { path: path.to_owned(), source })?;
            }
        }
        Ok(())
    }
}

fn word(id: &str) -> Result<&str> {
    if id.is_empty() || id.contains(char::is_whitespace) {
        return Err(Error::UnwritableId { id: id.to_owned() });
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn written(run: &Run) -> Result<String> {
        let mut bytes = Vec::new();
        run.write(&mut bytes, Path::new("run.txt")).map(|()| String::from_utf8(bytes).unwrap())
    }

    fn read(text: &str) -> Result<Run> {
        Run::read(text.as_bytes(), Path::new("run.txt"))
    }

    #[test]
    fn a_run_is_written_in_trecs_columns_and_read_back_the_same() {
        let mut run = Run::new("hybrid");
        run.insert("q1", [("b", 1.0 / 3.0), ("a", 0.25f32.into())]);
        run.insert("q2", [("a", 1e-30)]);
        let text = written(&run).unwrap();
        assert!(text.starts_with("q1 Q0 b 1 0.3333333333333333 hybrid\nq1 Q0 a 2 0.25 hybrid\n"), "{text}");
        assert_eq!(read(&text).unwrap(), run);
    }

    #[test]
    fn reading_ranks_by_score_and_keeps_the_order_of_equals() {
        let run = read("q Q0 c 1 1 t\nq Q0 b 2 5.5 t\nq Q0 a 3 1 t\n").unwrap();
        let order: Vec<&str> = run.get("q").unwrap().iter().map(AsRef::as_ref).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }

    #[test]
    fn what_the_format_cannot_hold_is_an_error() {
        let mut run = Run::new("t");
        run.insert("q", [("a b.txt", 1.0)]);
        assert!(matches!(written(&run), Err(Error::UnwritableId { id }) if id == "a b.txt"));
        for (text, message) in [
            ("q Q0 a 1 1 t\nq Q0 b 1\n", "run.txt:2: expected `query Q0 document rank score tag`, found 4 columns"),
            ("q Q0 a 1 high t\n", "run.txt:1: the score must be a number, found `high`"),
            ("q Q0 a 1 NaN t\n", "run.txt:1: the score must be a number, found `NaN`"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
    }
}
