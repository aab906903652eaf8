//! An HTML file is one document.

use super::page;
use crate::document::Document;
use crate::parse::dispatch::{Emit, Parser};
use crate::parse::{Limits, ParseError, Source, encoding};

/// Reads HTML and XHTML.
pub(in crate::parse) struct HtmlParser;

impl Parser for HtmlParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let page = page::read(&decode(source.read(limits)?));
        let document = Document {
            id: source.id().into(),
            title: page.title,
            text: page.text,
            headings: page.headings,
            metadata: page.metadata,
        };
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}

/// UTF-8, or what the page says where it is the one old encoding that is still common.
fn decode(bytes: Vec<u8>) -> String {
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if !is_utf16 && declares_latin(&bytes) && std::str::from_utf8(&bytes).is_err() {
        return encoding::windows_1252(&bytes);
    }
    encoding::decode(bytes)
}

fn declares_latin(bytes: &[u8]) -> bool {
    let head = bytes.get(..1024).unwrap_or(bytes).to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    ["iso-8859-1", "windows-1252", "latin1", "iso-8859-15"].iter().any(|label| {
        head.split("charset").skip(1).any(|after| after.trim_start_matches(['=', '"', '\'', ' ']).starts_with(label))
    })
}
