//! PDF: text only, page by page, in a process of its own where the program has arranged that ([`isolate`](crate::parse::isolate)), else in a
//! thread of its own.
//!
//! The thread has a large stack, and its panics and its time are caught here. A stack overflow or a loop inside the
//! library cannot be: the first ends the process (lopdf bounds its nesting, so none is known), the second leaves
//! the thread behind, running. Who reads pdfs of strangers does it in a child process.

use super::pdf_child::read_in_child;
use super::pdf_page::PageText;
use crate::document::{Document, Metadata};
use crate::parse::dispatch::{Emit, Parser};
use crate::parse::{Format, Limits, ParseError, Source};
use lopdf::LoadOptions;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Reads PDF.
pub(super) struct PdfParser;

const STACK_BYTES: usize = 64 << 20;

impl Parser for PdfParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let bytes = source.read(limits)?;
        let document = match read_in_child(&bytes, source.id(), limits) {
            Some(read) => read?,
            None => {
                let (id, inner) = (source.id().to_owned(), limits.clone());
                with_deep_stack(limits.max_time, move || read(&bytes, &id, &inner))?
            }
        };
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}

/// Reads in a thread with a large stack, and gives up on it when it takes too long.
pub(super) fn with_deep_stack(
    max_time: Duration,
    read: impl FnOnce() -> Result<Document, ParseError> + Send + 'static,
) -> Result<Document, ParseError> {
    let (sender, receiver) = channel();
    thread::Builder::new().name("pdf".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        // The receiver is gone only when it has given up.
        let _ = sender.send(read());
    })?;
    // The thread looks at the clock itself; this is for when it no longer can.
    match receiver.recv_timeout(max_time.saturating_add(Duration::from_secs(5))) {
        Ok(read) => read,
        Err(RecvTimeoutError::Timeout) => Err(ParseError::Timeout { limit: max_time }),
        Err(RecvTimeoutError::Disconnected) => Err(ParseError::malformed(Format::Pdf, "its objects are damaged")),
    }
}

/// Reads a pdf, page by page.
pub(super) fn read(bytes: &[u8], id: &str, limits: &Limits) -> Result<Document, ParseError> {
    let started = Instant::now();
    let max_stream = limits.max_document_bytes / 2;
    let pdf = lopdf::Document::load_mem_with_options(bytes, LoadOptions::with_max_decompressed_size(max_stream))
        .map_err(|error| ParseError::malformed(Format::Pdf, error))?;
    let mut text = String::new();
    let mut broken = 0usize;
    let pages = pdf.get_pages();
    for &page in pages.values().take(limits.max_pages) {
        if started.elapsed() > limits.max_time {
            return Err(ParseError::Timeout { limit: limits.max_time });
        }
        match PageText::read(&pdf, page, max_stream) {
            Ok(page) => {
                if !text.is_empty() && !page.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(&page);
            }
            Err(_) => broken += 1,
        }
        if text.len() > limits.max_document_bytes {
            return Err(ParseError::TooLarge {
                what: "the text of the pages".to_owned(),
                limit: limits.max_document_bytes as u64,
            });
        }
    }
    if text.is_empty() {
        let reason = match (pdf.is_encrypted(), broken) {
            (true, _) => "it is encrypted".to_owned(),
            (false, 0) => format!("none of its {} pages holds text (scanned images?)", pages.len()),
            (false, broken) => format!("{broken} of its {} pages are damaged, the others hold no text", pages.len()),
        };
        return Err(ParseError::malformed(Format::Pdf, reason));
    }
    let mut metadata = Metadata::new();
    if let Some(author) = information(&pdf, b"Author") {
        metadata.insert("author", author);
    }
    metadata.insert("pages", pages.len());
    Ok(Document {
        id: id.into(),
        title: information(&pdf, b"Title").unwrap_or_default(),
        text,
        headings: Vec::new(),
        metadata,
    })
}

/// A field of the pdf's information dictionary.
fn information(pdf: &lopdf::Document, field: &[u8]) -> Option<String> {
    let entry = pdf.trailer.get(b"Info").ok()?;
    let (_, entry) = pdf.dereference(entry).ok()?;
    let (_, value) = pdf.dereference(entry.as_dict().ok()?.get(field).ok()?).ok()?;
    let text = lopdf::decode_text_string(value).ok()?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}
