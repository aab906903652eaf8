//! The way in: a path, a format chosen for it, and the parser of that format.

use super::{Format, Limits, ParseError, ParseOptions, RecordError, RecordFields, Source};
use super::{beir, csv, formats, html, jsonl, markdown, text};
use crate::document::Document;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

/// Takes each document or bad record as it is read; [`ControlFlow::Break`] stops the reading.
pub type Emit<'a> = dyn FnMut(Result<Document, RecordError>) -> ControlFlow<()> + 'a;

/// Reads one format.
pub trait Parser: Send + Sync {
    /// Reads the source and hands out its documents in order.
    ///
    /// # Errors
    /// When the file as a whole cannot be read; documents handed out before stay valid.
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError>;
}

/// The parser of a format.
///
/// # Errors
/// When this build does not read the format.
pub fn parser(format: Format, fields: &RecordFields) -> Result<Box<dyn Parser>, ParseError> {
    Ok(match format {
        Format::Text => Box::new(text::TextParser),
        Format::Markdown => Box::new(markdown::MarkdownParser),
        Format::Html => Box::new(html::HtmlParser),
        Format::Jsonl => Box::new(jsonl::JsonlParser::new(fields.clone())),
        Format::Csv => Box::new(csv::CsvParser::new(fields.clone())),
        Format::Beir => Box::new(beir::BeirParser::new(fields.clone())),
        Format::Pdf | Format::Docx | Format::Epub | Format::Parquet => formats::parser(format, fields)?,
    })
}

/// Reads a file (or a BEIR folder). `id` names its document; records without an id are `id#line`.
///
/// # Errors
/// When the file as a whole cannot be read; bad records go to `emit` instead.
pub fn parse_path(path: &Path, id: &str, options: &ParseOptions, emit: &mut Emit<'_>) -> Result<(), ParseError> {
    parse_source(&Source::from_path(path, id), options, emit)
}

/// As [`parse_path`], for any source.
///
/// # Errors
/// As [`parse_path`].
pub fn parse_source(source: &Source, options: &ParseOptions, emit: &mut Emit<'_>) -> Result<(), ParseError> {
    let format = match options.format {
        Some(format) => format,
        None => Format::of(source, &options.limits)?,
    };
    parser(format, &options.fields)?.parse(source, &options.limits, emit)
}

/// Reads JSON Lines from a stream. `name` stands in front of `#line` in ids and messages.
///
/// # Errors
/// When the stream fails; bad records go to `emit` instead.
pub fn parse_reader(
    reader: impl Read,
    name: &str,
    options: &ParseOptions,
    emit: &mut Emit<'_>,
) -> Result<(), ParseError> {
    jsonl::read(reader, name, &options.fields, &options.limits, emit)
}
