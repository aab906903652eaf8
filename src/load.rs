//! From rows back to documents, texts and passages; and from a document to the fields of the lexical index, the same way whether it was
//! just written or is read again by recovery.

use std::ops::Range;

use neodex_index::lexical::{LexicalChunk, LexicalDocument, LexicalIndex};
use neodex_index::vector::RowFormat;
use neodex_index::{DocumentKey, Key};
use neodex_storage::Store;

use crate::chunking::Chunk;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::ingest::prepare::heading;
use crate::ingest::rows::unpack_block;
use crate::record::VersionRecord;
use crate::schema::{DOCUMENTS, Head, PARTS_PER_BLOCK, RECORDS, Slot, TEXT_BLOCK_BYTES, TEXTS};

/// The head of a document, if there is one.
pub(crate) fn head(store: &Store, id: &str) -> Result<Option<Head>> {
    Ok(store.get(&DOCUMENTS, id)?)
}

/// The record of a version; `None` when the version is gone.
pub(crate) fn record(store: &Store, version: u64) -> Result<Option<VersionRecord>> {
    let mut bytes = Vec::new();
    for row in store.range(&RECORDS, (version, 0)..=(version, u32::MAX))? {
        bytes.extend(row?.1);
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let record = VersionRecord::decode(&bytes).map_err(|malformed| Error::Record {
        what: "document",
        key: version.to_string(),
        reason: malformed.reason.clone(),
    })?;
    Ok(Some(record))
}

/// The bytes `span` of a version's text, without reading the rest.
pub(crate) fn text(store: &Store, version: u64, span: Range<usize>) -> Result<String> {
    if span.is_empty() {
        return Ok(String::new());
    }
    let damaged = |reason: &str| Error::Record { what: "text", key: version.to_string(), reason: reason.to_owned() };
    let first = span.start / TEXT_BLOCK_BYTES;
    let last = (span.end - 1) / TEXT_BLOCK_BYTES;
    let part = |block: usize| {
        u32::try_from(block)
            .ok()
            .and_then(|block| block.checked_mul(PARTS_PER_BLOCK))
            .ok_or_else(|| damaged("its span is too large"))
    };
    let range = (version, part(first)?)..(version, part(last + 1)?);
    let mut text = Vec::with_capacity(span.len());
    let mut stored = Vec::new();
    let mut of_block = None;
    let mut unpack = |stored: &mut Vec<u8>| {
        if !stored.is_empty() {
            text.extend(unpack_block(stored).ok_or_else(|| damaged("a block does not unpack"))?);
            stored.clear();
        }
        Ok::<(), Error>(())
    };
    for row in store.range(&TEXTS, range)? {
        let ((_, part), bytes) = row?;
        if of_block.replace(part / PARTS_PER_BLOCK) != Some(part / PARTS_PER_BLOCK) {
            unpack(&mut stored)?;
        }
        stored.extend(bytes);
    }
    unpack(&mut stored)?;
    let offset = first * TEXT_BLOCK_BYTES;
    let bytes = text.get(span.start - offset..span.end - offset).ok_or_else(|| damaged("a block is missing"))?;
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a span does not fall on characters"))
}

/// A whole document with its chunks; `None` when the version is gone.
pub(crate) fn document(store: &Store, version: u64, text_bytes: u64) -> Result<Option<(Document, Vec<Chunk>)>> {
    let Some(mut record) = record(store, version)? else { return Ok(None) };
    record.document.text = text(store, version, 0..text_bytes as usize)?;
    Ok(Some((record.document, record.chunks)))
}

/// The full-precision vector that `slot` holds of a chunk; `None` when it has none.
pub(crate) fn row(
    store: &Store,
    slot: Slot,
    key: Key,
    format: RowFormat,
    dimension: usize,
) -> Result<Option<Vec<f32>>> {
    let mut bytes = Vec::new();
    for part in store.range(slot.rows(), (key.0, 0)..=(key.0, u32::MAX))? {
        bytes.extend(part?.1);
    }
    if bytes.is_empty() { Ok(None) } else { Ok(Some(format.decode(&bytes, dimension)?)) }
}

/// The version a chunk belongs to.
pub(crate) fn version_of(store: &Store, key: Key) -> Result<Option<DocumentKey>> {
    let below = store.range(&RECORDS, ..=(key.0, u32::MAX))?.next_back();
    Ok(below.transpose()?.map(|((version, _), _)| DocumentKey(version)))
}

/// Puts every chunk of a version into the lexical index.
///
/// # Errors
/// What the index says.
pub(crate) fn add_lexical(lexical: &LexicalIndex, version: u64, document: &Document, chunks: &[Chunk]) -> Result<()> {
    let headings: Vec<String> = chunks.iter().map(|chunk| heading(document, chunk)).collect();
    let chunks: Vec<LexicalChunk<'_>> = chunks
        .iter()
        .zip(&headings)
        .map(|(chunk, headings)| LexicalChunk {
            headings,
            body: document.text.get(chunk.span.clone()).unwrap_or_default(),
        })
        .collect();
    lexical.add(&LexicalDocument {
        key: DocumentKey(version),
        title: &document.title,
        metadata: document.metadata.as_map(),
        chunks: &chunks,
    })?;
    Ok(())
}
