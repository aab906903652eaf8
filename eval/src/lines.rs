//! Numbered lines of a text file, for readers whose errors name the line.
//!
//! `BufRead::lines` does not count, and stops with a bare "stream did not contain valid UTF-8" that no person can act on.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The lines of `reader` that hold something, one at a time, in a buffer that is used again.
pub(crate) struct Lines<R> {
    reader: R,
    path: PathBuf,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// `path` is what errors call the file.
    pub(crate) fn new(reader: R, path: &Path) -> Self {
        Self { reader, path: path.to_owned(), line: 0, buffer: Vec::new() }
    }

    /// The next line that is not blank, without its line end and without a byte order mark; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&str>> {
        loop {
            self.buffer.clear();
            let read = self.reader.read_until(b'\n', &mut self.buffer);
            if read.map_err(|source| Error::Io { path: self.path.clone(), source })? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(..3);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(line) => Ok(Some(line.trim_end_matches(['\n', '\r']))),
            Err(error) => Err(self.malformed(format!("not UTF-8 at byte {} of the line", error.valid_up_to()))),
        }
    }

    /// An error that points at the line read last.
    pub(crate) fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::Malformed { path: self.path.clone(), line: self.line, reason: reason.into() }
    }

    /// An error that points at the line read last.
    pub(crate) fn json(&self, source: serde_json::Error) -> Error {
        Error::Json { path: self.path.clone(), line: self.line, source }
    }
}

/// Opens a file that is read as plain text, and says so when it is a compressed one.
pub(crate) fn open_plain(path: &Path) -> Result<BufReader<File>> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if matches!(extension, Some("gz" | "zst")) {
        return Err(Error::Compressed { path: path.to_owned() });
    }
    let file = File::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}
