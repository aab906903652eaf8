//! A folder to play in, and the program run inside it.
#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder of its own, which is the working directory of everything run in it. Its caches and installed models are in it, too.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// What `NEODEX_MODEL` says: `none` unless a story is about meaning, so that the others cost no model.
    model: Option<&'static str>,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), model: Some("none") }
    }

    /// A folder with `docs`: a markdown, a text and an HTML file, and two records.
    pub(crate) fn with_docs() -> Self {
        let place = Self::new();
        place.write("docs/hnsw.md", "# HNSW\n\nHNSW is a layered graph for nearest neighbour search.\n");
        place.write("docs/bm25.txt", "BM25 ranks documents by the frequency and rarity of terms.");
        place.write(
            "docs/sub/wal.html",
            "<html><title>Write-ahead log</title><body><p>The journal is fsynced before a write counts.</p></body></html>",
        );
        place.write(
            "docs/people.jsonl",
            concat!(
                "{\"id\":\"ada\",\"text\":\"Ada wrote the first program.\",\"year\":1843,\"lang\":\"en\"}\n",
                "{\"id\":\"alan\",\"text\":\"Alan described a universal machine.\",\"year\":1936,\"lang\":\"de\"}\n",
            ),
        );
        place
    }

    /// The same without a word about models.
    pub(crate) fn with_the_usual_model(self) -> Self {
        Self { model: None, ..self }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.path("cache")).env("XDG_DATA_HOME", self.path("data"));
        for name in ["NEODEX_DB", "NEODEX_MODEL", "NEODEX_DEVICE"] {
            command.env_remove(name);
        }
        if let Some(model) = self.model {
            command.env("NEODEX_MODEL", model);
        }
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Runs it with something on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Runs it with `--json` and reads the answer.
    #[track_caller]
    pub(crate) fn json(&self, status: i32, args: &[&str]) -> Value {
        self.run(&[args, &["--json"]].concat()).expect(status).json()
    }
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        // A run that a signal ended has no status.
        let status = output.status.code().unwrap_or(-1);
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Insists on a status, and on not having panicked.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// The ids of the documents found, in their order.
pub(crate) fn ids(results: &Value) -> Vec<String> {
    let hits = results["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["document_id"].as_str().unwrap().to_owned()).collect()
}

/// Whether there is a database in a folder.
pub(crate) fn is_database(path: &Path) -> bool {
    path.join("FORMAT").is_file()
}
