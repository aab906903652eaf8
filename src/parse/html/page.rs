//! A page from its markup: feeds the tokenizer piece by piece, so that the clock can be looked at in between.

use super::extractor::{Extraction, Extractor};
use crate::document::{Heading, Metadata};
use crate::parse::{Limits, ParseError};
use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tokenizer, TokenizerOpts};
use std::time::Instant;

/// A page's text, in the shape of a document without an id.
#[derive(Debug)]
pub(in crate::parse) struct Page {
    pub(in crate::parse) title: String,
    pub(in crate::parse) text: String,
    pub(in crate::parse) headings: Vec<Heading>,
    pub(in crate::parse) metadata: Metadata,
}

/// Reads a page.
///
/// # Errors
/// [`ParseError::Timeout`]: a tag of very many attributes is slow in the tokenizer.
pub(in crate::parse) fn read(html: &str, limits: &Limits) -> Result<Page, ParseError> {
    let mut extraction = extract(html, limits, false)?;
    if extraction.is_empty() {
        // Everything stood in what is furniture elsewhere, or a sidebar was never closed.
        extraction = extract(html, limits, true)?;
    }
    let mut title = String::new();
    for word in extraction.title.split_whitespace() {
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    let metadata = std::mem::take(&mut extraction.metadata);
    let (text, headings) = extraction.into_flow().finish();
    if title.is_empty() {
        let outermost = headings.iter().find(|heading| heading.level == 1).or(headings.first());
        title = outermost.map(|heading| heading.text.clone()).unwrap_or_default();
    }
    Ok(Page { title, text, headings, metadata })
}

/// The words of a fragment, for HTML inside of other formats.
///
/// # Errors
/// As [`read`].
pub(in crate::parse) fn words(html: &str, limits: &Limits) -> Result<String, ParseError> {
    Ok(extract(html, limits, false)?.into_flow().finish().0)
}

/// Bytes between two looks at the clock.
const PIECE_BYTES: usize = 32 << 10;

fn extract(html: &str, limits: &Limits, keep_chrome: bool) -> Result<Extraction, ParseError> {
    let started = Instant::now();
    let tokenizer = Tokenizer::new(Extractor::new(keep_chrome), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        rest = after;
        queue.push_back(StrTendril::from_slice(piece));
        // It pauses after a script, which in a browser could write into the page.
        while !matches!(tokenizer.feed(&queue), TokenizerResult::Done) {}
        if started.elapsed() > limits.max_time {
            return Err(ParseError::Timeout { limit: limits.max_time });
        }
    }
    tokenizer.end();
    Ok(tokenizer.sink.into_extraction())
}
