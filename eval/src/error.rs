//! What can go wrong with the files of an evaluation. Every message names the file, and the line where there is one.

use std::io;
use std::path::PathBuf;

/// The result of reading or writing an evaluation's files.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A file of an evaluation, or the numbers given to a metric, are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder lacks a file that a collection needs.
    #[error("{}: not a BEIR folder, it has none of: {}", folder.display(), expected.join(", "))]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The names that were looked for; any one of them would do.
        expected: Vec<String>,
    },
    /// A folder holds no task, nor does any of its subfolders.
    #[error(
        "{}: no task in it; a task is a folder with test.jsonl (or corpus.jsonl, queries.jsonl and qrels/test.tsv), \
         and this may be one or hold several",
        folder.display()
    )]
    NoTask {
        /// The folder.
        folder: PathBuf,
    },
    /// A task lacks the records of a split.
    #[error("{}: there is no {split}.jsonl, .jsonl.gz or .jsonl.zst", folder.display())]
    MissingRecords {
        /// The task's folder.
        folder: PathBuf,
        /// The split.
        split: String,
    },
    /// The data of a task do not fit together.
    #[error("task {task}: {reason}")]
    Task {
        /// The task's name.
        task: String,
        /// What does not fit.
        reason: String,
    },
    /// The model that is evaluated failed.
    #[error("task {task}: {source}")]
    Model {
        /// The task's name.
        task: String,
        /// What the model said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of GLUE is not there.
    #[error("no file for {task}; looked for {}", looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    MissingGlue {
        /// The task.
        task: &'static str,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// The file is compressed and was opened as plain text.
    #[error("{}: compressed; decompress it first, or hand over a reader that does", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// A line is not in the file's format.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What was expected and what was there.
        reason: String,
    },
    /// A line of a JSON Lines file is not the JSON it should be.
    #[error("{}:{line}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What the JSON reader said; its own "line 1" is that of the record.
        source: serde_json::Error,
    },
    /// The judgements name queries that the collection does not have.
    #[error(
        "{}: {missing} of {judged} judged queries are not in the queries file, the first is `{example}`; \
         do the two files belong together?",
        path.display()
    )]
    UnknownQueries {
        /// The queries file.
        path: PathBuf,
        /// How many judged queries it lacks.
        missing: usize,
        /// How many queries are judged.
        judged: usize,
        /// One that is missing.
        example: String,
    },
    /// An id cannot be written to a format that separates its columns by spaces.
    #[error("the id `{id}` is empty or has a space in it, and a TREC run separates its columns by spaces")]
    UnwritableId {
        /// The id of the query, the document or the run.
        id: String,
    },
    /// A correlation was asked of two lists of different lengths.
    #[error("a correlation needs pairs: {left} values on one side, {right} on the other")]
    LengthMismatch {
        /// Length of the first list.
        left: usize,
        /// Length of the second list.
        right: usize,
    },
    /// A correlation was asked of a value that is infinite or not a number.
    #[error("value {position} is infinite or not a number")]
    NotFinite {
        /// The pair it belongs to, counted from 0.
        position: usize,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn every_message_names_the_place_and_the_facts() {
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        let table: [(Error, &[&str]); 14] = [
            (Error::Io { path: "a.tsv".into(), source: io::Error::other("disk gone") }, &["a.tsv", "disk gone"]),
            (Error::MissingFile { folder: "dir".into(), expected: vec!["x".into(), "y".into()] }, &["dir", "x, y"]),
            (Error::NoTask { folder: "dir".into() }, &["dir: no task"]),
            (Error::MissingRecords { folder: "t".into(), split: "test".into() }, &["t: ", "test.jsonl"]),
            (Error::Task { task: "T".into(), reason: "no".into() }, &["task T: no"]),
            (Error::Model { task: "T".into(), source: "down".into() }, &["task T: down"]),
            (Error::MissingGlue { task: "rte", looked: vec!["a".into(), "b".into()] }, &["rte", "a, b"]),
            (Error::Compressed { path: "corpus.jsonl.gz".into() }, &["corpus.jsonl.gz", "decompress"]),
            (Error::Malformed { path: "q.tsv".into(), line: 7, reason: "no".into() }, &["q.tsv:7: no"]),
            (Error::Json { path: "c.jsonl".into(), line: 3, source: json }, &["c.jsonl:3: expected value"]),
            (
                Error::UnknownQueries { path: "q.jsonl".into(), missing: 2, judged: 5, example: "q9".into() },
                &["q.jsonl", "2 of 5", "`q9`"],
            ),
            (Error::UnwritableId { id: "a b".into() }, &["`a b`"]),
            (Error::LengthMismatch { left: 1, right: 2 }, &["1 values", "2 on"]),
            (Error::NotFinite { position: 4 }, &["value 4"]),
        ];
        for (error, parts) in table {
            let message = error.to_string();
            for part in parts {
                assert!(message.contains(part), "{message:?} lacks {part:?}");
            }
        }
    }
}
