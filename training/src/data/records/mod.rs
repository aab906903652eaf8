//! Files of records, one after the other and never as a whole: JSON Lines, Parquet and plain text, packed or not.
//!
//! A record is a JSON object whatever it came from, so that who reads it asks for a field by its name. A record that cannot be
//! read is counted with its place and passed over; a file that cannot be read ends the work.

mod lines;
mod parquet;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::{Error, Result};

/// One record.
pub type Record = Map<String, Value>;

/// How many bad records are remembered with their reason; all are counted.
const REMEMBERED: usize = 10;

/// A record that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The file it is in.
    pub path: PathBuf,
    /// Its line, or its row in Parquet, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What was read, and what was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that were read.
    pub records: u64,
    /// Records that were passed over.
    pub bad: u64,
    /// The first of those.
    pub first_bad: Vec<BadRecord>,
}

impl Report {
    /// Counts a record that cannot be used.
    pub fn pass_over(&mut self, path: &Path, line: u64, reason: impl Into<String>) {
        self.bad += 1;
        if self.first_bad.len() < REMEMBERED {
            self.first_bad.push(BadRecord { path: path.to_owned(), line, reason: reason.into() });
        }
    }
}

/// A place in a file, and what is there or why it cannot be read.
pub(crate) type Found = (u64, Result<Record, String>);

/// What reads one file; the outer error ends it.
type Reader = Box<dyn Iterator<Item = Result<Found>> + Send>;

/// The records of many files in the order of their names.
pub struct Records {
    files: std::vec::IntoIter<PathBuf>,
    current: Option<(PathBuf, Reader)>,
    report: Report,
}

impl Records {
    /// The records of these files, and of all files that this reads in these folders and below.
    ///
    /// # Errors
    /// [`Error::Io`] where a path is not there, [`Error::UnknownFormat`] where a file named outright has an ending that this does not
    /// read, [`Error::Empty`] where a folder has none that it does.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let before = files.len();
            if std::fs::metadata(path).map_err(Error::io(path))?.is_dir() {
                walk(path, &mut files)?;
            } else if Format::of(path).is_some() {
                files.push(path.to_owned());
            } else {
                return Err(Error::UnknownFormat { path: path.to_owned() });
            }
            if files.len() == before {
                return Err(Error::Empty { path: path.to_owned() });
            }
        }
        Ok(Self { files: files.into_iter(), current: None, report: Report::default() })
    }

    /// What has been read so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Counts the last record as one that cannot be used after all.
    pub(crate) fn refuse(&mut self, line: u64, reason: impl Into<String>) {
        self.report.records = self.report.records.saturating_sub(1);
        let path = self.current.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
        self.report.pass_over(&path, line, reason);
    }
}

impl Iterator for Records {
    type Item = Result<(u64, Record)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((path, reader)) = self.current.as_mut() else {
                let path = self.files.next()?;
                match read(&path) {
                    Ok(reader) => self.current = Some((path, reader)),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match reader.next() {
                Some(Ok((line, Ok(record)))) => {
                    self.report.records += 1;
                    return Some(Ok((line, record)));
                }
                Some(Ok((line, Err(reason)))) => self.report.pass_over(path, line, reason),
                Some(Err(error)) => {
                    self.current = None;
                    return Some(Err(error));
                }
                None => self.current = None,
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    JsonLines,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let plain = name.strip_suffix(".zst").or_else(|| name.strip_suffix(".gz")).unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "txt" | "md" | "rs" => Some(Self::Text),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "parquet" if plain.len() == name.len() => Some(Self::Parquet),
            _ => None,
        }
    }
}

fn read(path: &Path) -> Result<Reader> {
    match Format::of(path) {
        Some(Format::Text) => Ok(Box::new(lines::texts(path)?)),
        Some(Format::JsonLines) => Ok(Box::new(lines::objects(path)?)),
        Some(Format::Parquet) => Ok(Box::new(parquet::rows(path)?)),
        None => Err(Error::UnknownFormat { path: path.to_owned() }),
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(Error::io(folder))?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, files)?;
        } else if Format::of(&path).is_some() {
            files.push(path);
        }
    }
    Ok(())
}
