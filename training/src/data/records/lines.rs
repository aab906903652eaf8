//! Plain text and JSON Lines, straight from the file or through zstd or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Found;
use crate::data::error::{Error, Result};

/// zstd may look back this far (2^27 bytes), which `zstd --long=27` uses.
const WINDOW_LOG: u32 = 27;
/// A longer line is passed over: it would have to be held as a whole.
const LONGEST_LINE: usize = 256 << 20;
/// A text file is cut into documents at the first empty line past this many bytes.
const TEXT_DOCUMENT: usize = 256 << 10;

/// The objects of a JSON Lines file.
pub(super) fn objects(path: &Path) -> Result<impl Iterator<Item = Result<Found>> + Send + use<>> {
    let mut lines = Lines::open(path)?;
    Ok(std::iter::from_fn(move || {
        loop {
            let (number, line) = match lines.next()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            if !line.trim_ascii().is_empty() {
                return Some(Ok((number, object(line))));
            }
        }
    }))
}

/// The documents of a text file.
pub(super) fn texts(path: &Path) -> Result<impl Iterator<Item = Result<Found>> + Send + use<>> {
    let mut lines = Lines::open(path)?;
    Ok(std::iter::from_fn(move || {
        let (mut first, mut text) = (None, Vec::new());
        while let Some(line) = lines.next() {
            let (number, line) = match line {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            text.extend_from_slice(line);
            text.push(b'\n');
            first.get_or_insert(number);
            if text.len() > TEXT_DOCUMENT && line.trim_ascii().is_empty() {
                break;
            }
        }
        let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned());
        Some(Ok((first?, text.map(|text| Map::from_iter([("text".to_owned(), Value::String(text))])))))
    }))
}

fn object(line: &[u8]) -> Result<Map<String, Value>, String> {
    if line.len() > LONGEST_LINE {
        return Err(format!("the line is longer than {LONGEST_LINE} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        let input: Box<dyn BufRead + Send> = match ending.as_deref() {
            Some("zst") => {
                let mut decoder = zstd::Decoder::new(file).map_err(Error::io(path))?;
                decoder.window_log_max(WINDOW_LOG).map_err(Error::io(path))?;
                Box::new(BufReader::with_capacity(1 << 20, decoder))
            }
            Some("gz") => Box::new(BufReader::with_capacity(1 << 20, flate2::read::MultiGzDecoder::new(file))),
            _ => Box::new(BufReader::with_capacity(1 << 20, file)),
        };
        Ok(Self { path: path.to_owned(), input, line: Vec::new(), number: 0 })
    }

    /// The next line without its end, and its number from 1.
    fn next(&mut self) -> Option<Result<(u64, &[u8])>> {
        self.line.clear();
        match self.input.read_until(b'\n', &mut self.line) {
            Ok(0) => None,
            Ok(_) => {
                self.number += 1;
                let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
                Some(Ok((self.number, line.strip_suffix(b"\r").unwrap_or(line))))
            }
            Err(source) => Some(Err(Error::Io { path: self.path.clone(), source })),
        }
    }
}
