//! From a parsed document to the rows of its transaction: hash, chunk, embed, encode. Everything slow happens here, on the caller's
//! threads, before the commit thread is asked for anything.

use std::sync::Arc;

use neodex_index::vector::{Code, RowFormat};

use crate::chunking::{Chunk, Chunker, estimate_tokens};
use crate::document::Document;
use crate::embedding::{Embedder, Passage, Passages};
use crate::error::{Error, Result};
use crate::ingest::budget::Permit;
use crate::ingest::rows::{Row, code_rows, record_rows, text_rows, vector_rows};
use crate::record::VersionRecord;
use crate::schema::Slot;

/// A document with its hash and chunks, not embedded yet.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) document: Arc<Document>,
    pub(crate) chunks: Arc<[Chunk]>,
    pub(crate) content_hash: [u8; 16],
    pub(crate) permit: Option<Permit>,
}

/// A document whose rows are ready to be put.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) planned: Planned,
    pub(crate) rows: Vec<Row>,
    pub(crate) record_parts: u32,
    pub(crate) codes: Vec<Code>,
    pub(crate) tokens: u64,
    /// Where its vectors go.
    pub(crate) slot: Slot,
    /// Whether it replaces a version of the same content too.
    pub(crate) replaces_same: bool,
}

impl Prepared {
    /// Whether it has vectors.
    pub(crate) fn has_vectors(&self) -> bool {
        !self.codes.is_empty()
    }
}

/// A document as one passage.
pub(crate) fn plan_whole(document: Document, content_hash: [u8; 16], permit: Option<Permit>) -> Planned {
    let chunk = Chunk { span: 0..document.text.len(), heading_path: Vec::new() };
    Planned { document: Arc::new(document), chunks: [chunk].into(), content_hash, permit }
}

/// Cuts a document into chunks.
pub(crate) fn plan(
    document: Document,
    content_hash: [u8; 16],
    chunker: &dyn Chunker,
    permit: Option<Permit>,
) -> Planned {
    let mut chunks = chunker.chunk(&document);
    if chunks.is_empty() {
        // Something must stand for a document without text: its title can be searched.
        chunks.push(Chunk { span: 0..0, heading_path: Vec::new() });
    }
    Planned { document: Arc::new(document), chunks: chunks.into(), content_hash, permit }
}

/// What turns planned documents into rows.
pub(crate) struct Preparer<'a> {
    /// Makes the vectors; none in a lexical database.
    pub(crate) embedder: Option<&'a dyn Embedder>,
    /// Tokens of one window.
    pub(crate) window_tokens: usize,
    /// How full-precision rows are kept.
    pub(crate) rows: RowFormat,
    /// Where they go.
    pub(crate) slot: Slot,
}

impl Preparer<'_> {
    /// Embeds and encodes several documents together, so that the embedder can fill its batches across them. One answer a document: when
    /// the batch fails, each is tried alone, so that one bad document does not take its neighbours with it.
    pub(crate) fn prepare(&self, planned: Vec<Planned>) -> Vec<Result<Prepared>> {
        match self.embed(&planned) {
            Ok(vectors) => {
                planned.into_iter().zip(vectors).map(|(planned, vectors)| self.encode(planned, &vectors)).collect()
            }
            Err(error) if planned.len() == 1 => vec![Err(error)],
            Err(_) => planned.into_iter().flat_map(|planned| self.prepare(vec![planned])).collect(),
        }
    }

    /// Encodes a document of one passage with the vector that was brought for it.
    pub(crate) fn prepare_brought(&self, planned: Planned, vector: Vec<f32>) -> Result<Prepared> {
        Ok(Prepared { replaces_same: true, ..self.encode(planned, &[vector])? })
    }

    /// For each document its vectors, one a chunk; none without an embedder.
    ///
    /// # Errors
    /// The embedder's, and where it gives vectors for other passages than asked for.
    pub(crate) fn embed(&self, planned: &[Planned]) -> Result<Vec<Vec<Vec<f32>>>> {
        let Some(embedder) = self.embedder.filter(|embedder| embedder.embeds_text()) else {
            return Ok(vec![Vec::new(); planned.len()]);
        };
        let passages: Vec<Vec<Passage>> = planned
            .iter()
            .map(|planned| planned.chunks.iter().map(|chunk| passage(&planned.document, chunk)).collect())
            .collect();
        let inputs: Vec<Passages<'_>> = planned
            .iter()
            .zip(&passages)
            .map(|(planned, passages)| Passages {
                title: &planned.document.title,
                text: &planned.document.text,
                passages,
            })
            .collect();
        let vectors = embedder.embed_documents(&inputs, self.window_tokens)?;
        let expected: Vec<usize> = passages.iter().map(Vec::len).collect();
        let found: Vec<usize> = vectors.iter().map(Vec::len).collect();
        if expected != found {
            return Err(Error::Embedding(
                format!("{} returned vectors for other passages than asked for", embedder.name()).into(),
            ));
        }
        Ok(vectors)
    }

    fn encode(&self, planned: Planned, vectors: &[Vec<f32>]) -> Result<Prepared> {
        let tokens = match self.embedder {
            Some(embedder) => embedder.count_tokens(&planned.document.text),
            None => estimate_tokens(&planned.document.text),
        } as u64;
        let dimension = self.embedder.map_or(0, Embedder::dimension);
        encode(planned, vectors, dimension, self.rows, self.slot, tokens)
    }

    /// The rows of full vectors alone.
    ///
    /// # Errors
    /// Where a vector is not of the embedder's dimension, or not finite.
    pub(crate) fn encode_rows(&self, vectors: &[Vec<f32>]) -> Result<Vec<Row>> {
        encode_rows(vectors, self.embedder.map_or(0, Embedder::dimension), self.rows)
    }
}

/// The rows of a document whose vectors, one a chunk or none at all, are there.
///
/// # Errors
/// When a vector has another dimension, or the document may not be stored.
pub(crate) fn encode(
    planned: Planned,
    vectors: &[Vec<f32>],
    dimension: usize,
    format: RowFormat,
    slot: Slot,
    tokens: u64,
) -> Result<Prepared> {
    let mut rows = Vec::new();
    let record = VersionRecord::encode(&planned.document, &planned.chunks)?;
    let record_parts = record_rows(&record, &mut rows);
    text_rows(&planned.document.text, &mut rows)?;
    let codes = check(vectors, dimension)?.iter().map(|vector| Ok(Code::encode(vector)?));
    let codes = codes.collect::<Result<Vec<Code>>>()?;
    code_rows(&codes, &mut rows);
    rows.extend(encode_rows(vectors, dimension, format)?);
    Ok(Prepared { planned, rows, record_parts, codes, tokens, slot, replaces_same: false })
}

/// The rows of full vectors.
fn encode_rows(vectors: &[Vec<f32>], dimension: usize, format: RowFormat) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let encoded = check(vectors, dimension)?.iter().map(|vector| format.encode(vector));
    vector_rows(&encoded.collect::<Result<Vec<_>, _>>()?, &mut rows);
    Ok(rows)
}

fn check(vectors: &[Vec<f32>], expected: usize) -> Result<&[Vec<f32>]> {
    match vectors.iter().map(Vec::len).find(|&found| found != expected) {
        Some(found) => Err(neodex_index::Error::DimensionMismatch { expected, found }.into()),
        None => Ok(vectors),
    }
}

/// A chunk as the embedder sees it.
pub(crate) fn passage(document: &Document, chunk: &Chunk) -> Passage {
    Passage { span: chunk.span.clone(), heading: heading(document, chunk) }
}

/// The headings above a chunk, outermost first.
pub(crate) fn heading(document: &Document, chunk: &Chunk) -> String {
    let path = chunk.heading_path.iter().filter_map(|&index| document.headings.get(index));
    path.map(|heading| heading.text.as_str()).collect::<Vec<_>>().join(" > ")
}
