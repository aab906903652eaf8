//! A document as it is added: its title, its metadata and its chunks.

use std::sync::Arc;

use serde_json::{Map, Value};
use tantivy::TantivyDocument;
use tantivy::schema::{Document, Field, OwnedValue};

use super::backlog::{Backlog, Permit};
use super::metadata;
use super::schema::Fields;
use crate::key::DocumentKey;

/// A document version to index. Its chunks get the keys `key`, `key + 1`, ... in their order.
#[derive(Debug, Clone)]
pub struct LexicalDocument<'a> {
    /// The key of the version: that of chunk 0.
    pub key: DocumentKey,
    /// The title; empty when there is none.
    pub title: &'a str,
    /// What filters and facets see.
    pub metadata: &'a Map<String, Value>,
    /// The chunks; a document without text has none and is still found by its title and its metadata.
    pub chunks: &'a [LexicalChunk<'a>],
}

/// One chunk of a document. Chunks must not repeat each other's text: a document is scored as the sum of its chunks.
#[derive(Debug, Clone, Copy, Default)]
pub struct LexicalChunk<'a> {
    /// The headings above the chunk, outermost first, in any readable form.
    pub headings: &'a str,
    /// The text.
    pub body: &'a str,
}

impl LexicalDocument<'_> {
    /// The bytes of text to index.
    pub(super) fn bytes(&self) -> usize {
        self.title.len() + self.chunks.iter().map(|chunk| chunk.headings.len() + chunk.body.len()).sum::<usize>()
    }

    /// One tantivy document per chunk, and at least one.
    pub(super) fn queue(&self, fields: &Fields, backlog: &Arc<Backlog>) -> Vec<Queued> {
        let nothing = [LexicalChunk::default()];
        let chunks = if self.chunks.is_empty() { &nothing[..] } else { self.chunks };
        let mut queued = Vec::with_capacity(chunks.len());
        for (index, chunk) in chunks.iter().enumerate() {
            let mut document = TantivyDocument::new();
            document.add_u64(fields.document, self.key.0);
            if index == 0 {
                document.add_u64(fields.chunks, chunks.len() as u64);
                document.add_text(fields.title, self.title);
                let columns = metadata::columns(self.metadata);
                if !columns.is_empty() {
                    document.add_field_value(fields.metadata, &OwnedValue::Object(columns));
                }
            }
            if !chunk.headings.is_empty() {
                document.add_text(fields.headings, chunk.headings);
            }
            document.add_text(fields.body, chunk.body);
            let permit = backlog.permit(chunk.headings.len() + chunk.body.len());
            queued.push(Queued { document, _permit: permit });
        }
        queued
    }
}

/// A chunk on its way to tantivy's threads.
pub(super) struct Queued {
    document: TantivyDocument,
    _permit: Permit,
}

impl Document for Queued {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        Document::iter_fields_and_values(&self.document)
    }

    fn into_tantivy_document(self) -> TantivyDocument {
        self.document
    }

    fn get_sorted_field_values(&self) -> Vec<(Field, Vec<Self::Value<'_>>)> {
        Document::get_sorted_field_values(&self.document)
    }
}
