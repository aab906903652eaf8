//! A document as late chunking takes it, and its tokens.

use std::ops::Range;

use super::window::{self, Piece, Window};
use crate::error::{Error, Result};
use crate::pooling::Pooling;
use crate::tokenizer::{Tokenizer, Tokens};

/// Title and heading together take at most this many tokens of a window.
const HEADER_TOKENS: usize = 64;

/// A document and the chunks it is to be cut into.
#[derive(Clone, Copy, Debug)]
pub struct LateDocument<'a> {
    /// Put before every window; empty for none.
    pub title: &'a str,
    /// The whole text.
    pub text: &'a str,
    /// The chunks, in any order. What no chunk holds still gives context.
    pub chunks: &'a [ChunkSpan],
}

/// One chunk of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkSpan {
    /// Bytes in the text.
    pub range: Range<usize>,
    /// The headings above it, outermost first, as one string; empty for none.
    pub heading: String,
}

/// Tokens of a document and the windows it will be read in.
pub(super) struct Prepared {
    tokens: Tokens,
    title: Vec<u32>,
    /// One for each chunk.
    headings: Vec<Vec<u32>>,
    room: Room,
    pub(super) windows: Vec<Window>,
}

/// How the tokens of a window are shared out.
#[derive(Clone, Copy)]
struct Room {
    prompt: usize,
    header: usize,
    text: usize,
}

impl Prepared {
    /// Tokenizes and plans document number `position` of a call for windows of `window_tokens`, of which `prompt` takes some.
    pub(super) fn new(
        document: &LateDocument<'_>,
        position: usize,
        tokenizer: &Tokenizer,
        pooling: Pooling,
        window_tokens: usize,
        prompt: usize,
    ) -> Result<Self> {
        for (chunk, ChunkSpan { range, .. }) in document.chunks.iter().enumerate() {
            if range.start > range.end || range.end > document.text.len() {
                return Err(Error::ChunkOutOfRange {
                    document: position,
                    chunk,
                    start: range.start,
                    end: range.end,
                    text_bytes: document.text.len(),
                });
            }
        }
        let free = window_tokens.saturating_sub(tokenizer.special_tokens());
        let prompt = prompt.min(free / 4);
        let most = HEADER_TOKENS.min(free / 4);
        let tokens = tokenizer.encode(document.text, usize::MAX)?;
        let title = tokenizer.encode(document.title, most)?.ids;
        let headings = headings(document.chunks, tokenizer, most)?;
        let longest = headings.iter().map(Vec::len).max().unwrap_or(0);
        let header = (title.len() + longest).min(most);
        let room = Room { prompt, header, text: free - prompt - header };
        let chunks: Vec<Range<usize>> = document.chunks.iter().map(|chunk| tokens.within(&chunk.range)).collect();
        let windows = match pooling {
            Pooling::Mean => window::plan(tokens.len(), &chunks, room.text),
            Pooling::Cls => alone(&chunks, room.text),
        };
        Ok(Self { tokens, title, headings, room, windows })
    }

    /// Title and heading of a window, cut to their room: where both are long each has half.
    fn header(&self, window: &Window) -> Vec<u32> {
        let heading = window.leading.and_then(|chunk| self.headings.get(chunk)).map(Vec::as_slice).unwrap_or_default();
        let title = self.title.len().min(self.room.header - heading.len().min(self.room.header / 2));
        let parts = self.title.iter().take(title).chain(heading);
        parts.take(self.room.header).copied().collect()
    }

    /// The ids of a window, and where in it title and heading stand.
    pub(super) fn sequence(&self, window: &Window, tokenizer: &Tokenizer, prompt: &[u32]) -> (Vec<u32>, Range<usize>) {
        let prompt = prompt.get(..self.room.prompt).unwrap_or(prompt);
        let header = self.header(window);
        let text = self.tokens.ids.get(window.tokens.clone()).unwrap_or_default();
        let at = tokenizer.start().len() + prompt.len();
        let context = at..at + header.len();
        ([tokenizer.start(), prompt, &header, text, tokenizer.end()].concat(), context)
    }
}

/// The headings' ids, each cut to `most`. Chunks of one section follow each other, so that the last one is worth keeping.
fn headings(chunks: &[ChunkSpan], tokenizer: &Tokenizer, most: usize) -> Result<Vec<Vec<u32>>> {
    let mut headings: Vec<Vec<u32>> = Vec::with_capacity(chunks.len());
    let mut last = "";
    for chunk in chunks {
        let ids = match headings.last() {
            Some(ids) if chunk.heading == last => ids.clone(),
            _ => tokenizer.encode(&chunk.heading, most)?.ids,
        };
        last = &chunk.heading;
        headings.push(ids);
    }
    Ok(headings)
}

/// A model that pools by its first token cannot be asked for the middle of a window: each chunk goes alone, in parts where it is
/// longer than a window.
fn alone(chunks: &[Range<usize>], capacity: usize) -> Vec<Window> {
    let capacity = capacity.max(1);
    let parts = |(chunk, range): (usize, &Range<usize>)| {
        let range = range.clone();
        let count = range.len().div_ceil(capacity).max(1);
        (0..count).map(move |part| {
            let start = range.start + part * capacity;
            let tokens = start..(start + capacity).min(range.end);
            Window { tokens: tokens.clone(), leading: Some(chunk), pieces: vec![Piece { chunk, tokens }] }
        })
    };
    chunks.iter().enumerate().flat_map(parts).collect()
}
