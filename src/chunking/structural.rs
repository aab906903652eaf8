//! Chunks along the structure of the text: sections, paragraphs, sentences.

use super::packing::{self, Unit};
use super::tokens::prefix_within;
use super::{ChunkingConfig, estimate_tokens, sentence};
use crate::document::{Document, Heading};
use std::ops::Range;

/// A span of a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes in the document's text, on character boundaries, without whitespace around.
    pub span: Range<usize>,
    /// The headings that all of the chunk lies under, outermost first: indices into the document's headings. A heading
    /// whose line is in the chunk counts if the chunk begins with it.
    pub heading_path: Vec<usize>,
}

impl Chunk {
    /// The chunk's text.
    pub fn text<'a>(&self, document: &'a Document) -> &'a str {
        document.text.get(self.span.clone()).unwrap_or_default()
    }

    /// The headings above the chunk as one line: `A > B`.
    pub fn heading_line(&self, document: &Document) -> String {
        let names: Vec<&str> = self
            .heading_path
            .iter()
            .filter_map(|&index| document.headings.get(index))
            .map(|heading| heading.text.as_str())
            .collect();
        names.join(" > ")
    }
}

/// Cuts documents into chunks.
///
/// The spans are in order, do not overlap, and between them is only whitespace. A document without words has one empty chunk.
pub trait Chunker: Send + Sync {
    /// The chunks of a document, at least one.
    fn chunk(&self, document: &Document) -> Vec<Chunk>;
}

/// The chunker of the library.
#[derive(Debug, Clone, Default)]
pub struct StructuralChunker {
    config: ChunkingConfig,
}

impl StructuralChunker {
    /// A chunker of these sizes ([`ChunkingConfig::normalized`]).
    pub fn new(config: &ChunkingConfig) -> Self {
        Self { config: config.normalized() }
    }
}

impl Chunker for StructuralChunker {
    fn chunk(&self, document: &Document) -> Vec<Chunk> {
        let sections = sections(&document.text, &document.headings);
        let mut packs = Vec::new();
        let mut units = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            units.clear();
            self.units(&document.text, section, &mut units);
            packing::pack_section(&units, index, &self.config, &mut packs);
        }
        let packs = packing::merge_small(packs, &self.config);
        if packs.is_empty() {
            return vec![Chunk { span: 0..0, heading_path: Vec::new() }];
        }
        let paths = paths(&sections, &document.headings);
        packs
            .into_iter()
            .map(|pack| Chunk { heading_path: common_path(&paths, pack.sections), span: pack.span })
            .collect()
    }
}

/// A stretch of text under one heading.
struct Section {
    span: Range<usize>,
    heading: Option<usize>,
}

/// The sections of a text. Headings that do not fit the text (not in order, not on a character) begin none.
fn sections(text: &str, headings: &[Heading]) -> Vec<Section> {
    let mut sections = vec![Section { span: 0..text.len(), heading: None }];
    for (index, heading) in headings.iter().enumerate() {
        let Some(last) = sections.last_mut() else {
            break;
        };
        let fits = heading.offset < text.len() && text.is_char_boundary(heading.offset);
        let in_order = heading.offset > last.span.start || (last.heading.is_none() && heading.offset == 0);
        if fits && in_order {
            last.span.end = heading.offset;
            sections.push(Section { span: heading.offset..text.len(), heading: Some(index) });
        }
    }
    sections
}

/// How many headings of a path are kept: deeper nesting than this is a machine's.
const MAX_PATH: usize = 16;

/// Per section its headings, outermost first.
fn paths(sections: &[Section], headings: &[Heading]) -> Vec<Vec<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let level = |index: usize| headings.get(index).map_or(u8::MAX, |heading| heading.level);
    sections
        .iter()
        .map(|section| {
            if let Some(heading) = section.heading {
                while open.last().is_some_and(|&above| level(above) >= level(heading)) {
                    open.pop();
                }
                open.push(heading);
            }
            open.iter().copied().take(MAX_PATH).collect()
        })
        .collect()
}

/// What the paths of all the sections from the first to the last begin with.
fn common_path(paths: &[Vec<usize>], (first, last): (usize, usize)) -> Vec<usize> {
    let mut spanned = paths.get(first..=last).unwrap_or_default().iter();
    let Some(path) = spanned.next() else {
        return Vec::new();
    };
    let shared = spanned.fold(path.len(), |shared, other| {
        let equal = path.iter().zip(other).take_while(|(a, b)| a == b).count();
        equal.min(shared)
    });
    path.iter().copied().take(shared).collect()
}

impl StructuralChunker {
    /// The sentences of a section; those above the maximum in pieces.
    fn units(&self, text: &str, section: &Section, units: &mut Vec<Unit>) {
        sentence::split(text, section.span.clone(), &mut |sentence| {
            let words = text.get(sentence.span.clone()).unwrap_or_default();
            let tokens = estimate_tokens(words);
            if tokens <= self.config.max_tokens {
                units.push(Unit { span: sentence.span, tokens, starts_paragraph: sentence.starts_paragraph });
                return;
            }
            let mut starts_paragraph = sentence.starts_paragraph;
            let mut start = sentence.span.start;
            let mut rest = words;
            while !rest.is_empty() {
                let piece = first_piece(rest, self.config.max_tokens);
                let words = piece.trim_end();
                units.push(Unit {
                    span: start..start + words.len(),
                    tokens: estimate_tokens(words),
                    starts_paragraph: std::mem::take(&mut starts_paragraph),
                });
                let after = rest.get(piece.len()..).unwrap_or_default();
                rest = after.trim_start();
                start += piece.len() + (after.len() - rest.len());
            }
        });
    }
}

/// The longest start of a sentence that fits: up to the last whitespace, or where there is none to the last character.
fn first_piece(text: &str, max_tokens: usize) -> &str {
    let end = prefix_within(text, max_tokens);
    let fitting = text.get(..end).unwrap_or(text);
    let followed_by_space = text.get(end..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    if followed_by_space {
        return fitting;
    }
    match fitting.rfind(char::is_whitespace) {
        // Text without spaces for long (a URL, base64) is not worth an almost empty piece.
        Some(space) if space > 0 => fitting.get(..space).unwrap_or(fitting),
        _ => fitting,
    }
}
