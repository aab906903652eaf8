//! The two tables as JSON Lines.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::export::Tables;
use super::record::{ChunkRow, DocumentRow};
use crate::document::MAX_TEXT_BYTES;
use crate::error::{Error, Result};

const BUFFER_BYTES: usize = 256 << 10;
/// The longest line that is read: the longest text, escaped, and something for the rest.
const MAX_LINE_BYTES: u64 = 6 * MAX_TEXT_BYTES as u64 + (64 << 20);

/// Writes them.
pub(super) struct JsonlWriter {
    documents: Lines,
    chunks: Lines,
}

struct Lines {
    path: PathBuf,
    out: BufWriter<File>,
}

impl JsonlWriter {
    /// Begins both files.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self { documents: Lines::create(folder, "documents")?, chunks: Lines::create(folder, "chunks")? })
    }
}

impl Lines {
    fn create(folder: &Path, table: &str) -> Result<Self> {
        let path = folder.join(format!("{table}.jsonl"));
        let file = File::create(&path).map_err(Error::io(&path))?;
        Ok(Self { path, out: BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let written = serde_json::to_writer(&mut self.out, row).map_err(std::io::Error::from);
        written.and_then(|()| self.out.write_all(b"\n")).map_err(Error::io(&self.path))
    }

    fn finish(self) -> Result<()> {
        let Self { path, out } = self;
        let file = out.into_inner().map_err(|error| Error::io(&path)(error.into_error()))?;
        file.sync_all().map_err(Error::io(&path))
    }
}

impl Tables for JsonlWriter {
    fn document(&mut self, row: &DocumentRow) -> Result<()> {
        self.documents.write(row)
    }

    fn chunk(&mut self, row: &ChunkRow) -> Result<()> {
        self.chunks.write(row)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.documents.finish()?;
        self.chunks.finish()
    }
}

/// Reads one table.
pub(super) struct JsonlReader<T> {
    path: PathBuf,
    input: BufReader<File>,
    line: u64,
    rows: PhantomData<T>,
}

impl<T: DeserializeOwned> JsonlReader<T> {
    /// Opens `documents` or `chunks`.
    pub(super) fn open(folder: &Path, table: &str) -> Result<Self> {
        let path = folder.join(format!("{table}.jsonl"));
        let file = File::open(&path).map_err(Error::io(&path))?;
        Ok(Self { path, input: BufReader::with_capacity(BUFFER_BYTES, file), line: 0, rows: PhantomData })
    }
}

impl<T: DeserializeOwned> Iterator for JsonlReader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.line += 1;
            let read = (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes);
            match read {
                Ok(0) => return None,
                Ok(_) if bytes.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let row = serde_json::from_slice(&bytes).map_err(|error| Error::Argument {
                        field: "import",
                        reason: format!("{} line {}: {error}", self.path.display(), self.line),
                    });
                    return Some(row);
                }
                Err(error) => return Some(Err(Error::io(&self.path)(error))),
            }
        }
    }
}
