//! A row of each of the two tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exact;
use crate::chunking::Chunk;
use crate::document::{Document, Heading, Metadata};
use crate::error::Error;

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DocumentRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) metadata: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) headings: Vec<HeadingRow>,
    /// The bits of numbers in the metadata that JSON would change; see `exact`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) exact: BTreeMap<String, String>,
}

/// A heading of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadingRow {
    pub(super) level: u8,
    pub(super) text: String,
    pub(super) offset: usize,
}

/// A chunk of a document, and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ChunkRow {
    pub(super) document_id: String,
    pub(super) chunk: u32,
    /// Bytes of the text, half open.
    pub(super) span: [usize; 2],
    /// Indexes of the headings above it, outermost first.
    pub(super) heading_path: Vec<usize>,
    /// Empty while it has none.
    #[serde(serialize_with = "exact::vector")]
    pub(super) vector: Vec<f32>,
}

impl From<Document> for DocumentRow {
    fn from(document: Document) -> Self {
        let heading =
            |heading: Heading| HeadingRow { level: heading.level, text: heading.text, offset: heading.offset };
        Self {
            id: document.id.as_str().to_owned(),
            exact: exact::bits(document.metadata.as_map()),
            metadata: document.metadata.as_map().clone(),
            headings: document.headings.into_iter().map(heading).collect(),
            title: document.title,
            text: document.text,
        }
    }
}

impl DocumentRow {
    /// The document, if it may be stored.
    pub(super) fn into_document(self) -> Result<Document, Error> {
        let mut document = Document::new(self.id, self.text).title(self.title);
        let mut metadata = self.metadata;
        exact::restore(&mut metadata, &self.exact);
        document.metadata = Metadata::from(metadata);
        document.headings = self
            .headings
            .into_iter()
            .map(|row| Heading { level: row.level, text: row.text, offset: row.offset })
            .collect();
        document.check()?;
        Ok(document)
    }
}

impl ChunkRow {
    /// The chunk number `chunk` of a document.
    pub(super) fn new(document_id: &str, chunk: u32, of: &Chunk, vector: Vec<f32>) -> Self {
        Self {
            document_id: document_id.to_owned(),
            chunk,
            span: [of.span.start, of.span.end],
            heading_path: of.heading_path.clone(),
            vector,
        }
    }

    /// The chunk, if it is one of `document`.
    pub(super) fn to_chunk(&self, document: &Document) -> Option<Chunk> {
        let [start, end] = self.span;
        document.text.get(start..end)?;
        let headed = self.heading_path.iter().all(|index| *index < document.headings.len());
        headed.then(|| Chunk { span: start..end, heading_path: self.heading_path.clone() })
    }
}
