//! What is to be parsed: a file or bytes in memory, its id, and readers of it that keep to the limits.

use super::{Compression, Limits, ParseError};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// A file or bytes, and the id that its document gets (records get `id#line` unless they bring one).
#[derive(Debug, Clone)]
pub struct Source {
    id: String,
    content: Content,
    compression: Compression,
    delimiter: u8,
}

#[derive(Debug, Clone)]
enum Content {
    Path(PathBuf),
    Bytes(Vec<u8>),
}

impl Source {
    /// A file; packed if its name says so.
    pub fn from_path(path: impl Into<PathBuf>, id: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            id: id.into(),
            compression: Compression::from_path(&path),
            delimiter: delimiter(&path),
            content: Content::Path(path),
        }
    }

    /// Bytes in memory, not packed.
    pub fn from_bytes(bytes: Vec<u8>, id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            delimiter: delimiter(Path::new(&id)),
            id,
            compression: Compression::None,
            content: Content::Bytes(bytes),
        }
    }

    /// The id of the file's document.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file, unless it is bytes in memory.
    pub fn path(&self) -> Option<&Path> {
        match &self.content {
            Content::Path(path) => Some(path),
            Content::Bytes(_) => None,
        }
    }

    /// What separates columns: a tab in `.tsv`, else a comma.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// A stream of the unpacked bytes.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(&self, limits: &Limits) -> Result<Box<dyn Read + Send + '_>, ParseError> {
        let reader = match &self.content {
            Content::Path(path) => {
                let file = File::open(path)?;
                if file.metadata()?.is_dir() {
                    return Err(ParseError::Unsupported { reason: "it is a folder, not a file".to_owned() });
                }
                self.compression.unpack(file, limits)
            }
            Content::Bytes(bytes) => self.compression.unpack(Cursor::new(bytes), limits),
        };
        reader.map_err(ParseError::from_read)
    }

    /// All unpacked bytes, at most [`Limits::max_document_bytes`].
    ///
    /// # Errors
    /// When there are more, or they cannot be read.
    pub fn read(&self, limits: &Limits) -> Result<Vec<u8>, ParseError> {
        let limit = limits.max_document_bytes;
        let mut bytes = Vec::new();
        if let (Content::Path(path), Compression::None) = (&self.content, self.compression) {
            let expected = usize::try_from(path.metadata()?.len()).unwrap_or(usize::MAX);
            bytes.reserve(expected.min(limit));
        }
        self.open(limits)?.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(ParseError::from_read)?;
        if bytes.len() > limit {
            return Err(too_large(limit as u64));
        }
        Ok(bytes)
    }

    /// A file that can be read at any place: itself, or its unpacked bytes in an unnamed temporary file.
    ///
    /// # Errors
    /// When it cannot be read or unpacks to more than [`Limits::max_unpacked_bytes`].
    pub fn seekable(&self, limits: &Limits) -> Result<File, ParseError> {
        if let (Content::Path(path), Compression::None) = (&self.content, self.compression) {
            return Ok(File::open(path)?);
        }
        let limit = limits.max_unpacked_bytes;
        let mut file = tempfile::tempfile()?;
        let copied = io::copy(&mut self.open(limits)?.take(limit + 1), &mut file).map_err(ParseError::from_read)?;
        if copied > limit {
            return Err(too_large(limit));
        }
        io::Seek::rewind(&mut file)?;
        Ok(file)
    }
}

fn delimiter(path: &Path) -> u8 {
    let inner = Compression::strip(path);
    let is_tsv = inner.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    if is_tsv { b'\t' } else { b',' }
}

fn too_large(limit: u64) -> ParseError {
    ParseError::TooLarge { what: "the unpacked file".to_owned(), limit }
}
