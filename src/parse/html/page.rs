//! A page from its markup.

use super::extractor::Extraction;
use crate::document::{Heading, Metadata};

/// A page's text, in the shape of a document without an id.
#[derive(Debug)]
pub(in crate::parse) struct Page {
    pub(in crate::parse) title: String,
    pub(in crate::parse) text: String,
    pub(in crate::parse) headings: Vec<Heading>,
    pub(in crate::parse) metadata: Metadata,
}

/// Reads a page.
pub(in crate::parse) fn read(html: &str) -> Page {
    let mut extraction = Extraction::of(html, false);
    if extraction.is_empty() {
        // Everything stood in what is furniture elsewhere, or a sidebar was never closed.
        extraction = Extraction::of(html, true);
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
    Page { title, text, headings, metadata }
}

/// The words of a fragment, for HTML inside of other formats.
pub(in crate::parse) fn words(html: &str) -> String {
    Extraction::of(html, false).into_flow().finish().0
}
