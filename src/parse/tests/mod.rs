//! Each format through the front door, honest and hostile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
#[cfg(feature = "formats")]
mod office;
mod pages;
mod records;

use super::*;
use crate::document::Document;
use std::ops::ControlFlow;

type Parsed = (Vec<Document>, Vec<RecordError>);

fn parse_with(source: &Source, options: &ParseOptions) -> Result<Parsed, ParseError> {
    let mut parsed = (Vec::new(), Vec::new());
    parse_source(source, options, &mut |result| {
        match result {
            Ok(document) => parsed.0.push(document),
            Err(error) => parsed.1.push(error),
        }
        ControlFlow::Continue(())
    })?;
    Ok(parsed)
}

/// Parses bytes under a file's name.
fn parse(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Parsed, ParseError> {
    parse_with(&Source::from_bytes(bytes.into(), name), &ParseOptions::default())
}

/// Parses what is one document.
fn one(name: &str, bytes: impl Into<Vec<u8>>) -> Document {
    let (mut documents, errors) = parse(name, bytes).unwrap();
    assert_eq!((documents.len(), errors.len()), (1, 0));
    documents.remove(0)
}

/// Every heading stands in the text where it says.
fn assert_headings(document: &Document, expected: &[(u8, &str)]) {
    let found: Vec<(u8, &str)> =
        document.headings.iter().map(|heading| (heading.level, heading.text.as_str())).collect();
    assert_eq!(found, expected);
    for heading in &document.headings {
        assert!(document.text[heading.offset..].starts_with(&heading.text));
    }
}

/// A file in a folder that goes away with the guard.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
