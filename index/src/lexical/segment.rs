//! One segment as scoring and filtering see it: which rows are chunk 0, how long everything is, what is alive, which columns there are.
//!
//! The layout of a segment never changes, so it is read once; what is deleted does, so the totals over the living are counted anew
//! when deletions came in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::{ColumnarReader, DynamicColumnHandle};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentComponent;
use tantivy::{DocId, SegmentReader};

use super::metadata::Kind;
use super::schema::{Fields, METADATA_PREFIX};
use crate::key::{DocumentKey, Key};

/// A segment open for reading.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    pub(super) layout: Arc<Layout>,
    pub(super) totals: Totals,
}

/// What never changes about a segment.
pub(super) struct Layout {
    /// The row of each document's chunk 0, ascending.
    starts: Vec<DocId>,
    /// The key of each document.
    keys: Vec<DocumentKey>,
    /// The documents by ascending key, where they do not stand that way anyhow.
    by_key: Option<Vec<u32>>,
    /// For each row, the index of its document in `starts`.
    owner: Vec<u32>,
    /// Terms of each document's body.
    body_terms: Vec<u32>,
    body: FieldNormReader,
    title: FieldNormReader,
    rows: u32,
    /// The metadata columns by path.
    pub(super) columns: BTreeMap<String, Vec<(Kind, DynamicColumnHandle)>>,
}

/// Sums over the living.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) documents: u64,
    pub(super) chunks: u64,
    pub(super) body_terms: u64,
    pub(super) title_terms: u64,
}

impl Segment {
    /// Reads the layout of a segment, or takes it over from `known`.
    pub(super) fn open(reader: &SegmentReader, fields: &Fields, known: Option<&Segment>) -> tantivy::Result<Segment> {
        if let Some(known) = known {
            let mut segment =
                Segment { reader: reader.clone(), layout: Arc::clone(&known.layout), totals: known.totals };
            if reader.delete_opstamp() != known.reader.delete_opstamp() {
                segment.totals = segment.count();
            }
            return Ok(segment);
        }
        let layout = Arc::new(Layout::read(reader, fields)?);
        let mut segment = Segment { reader: reader.clone(), layout, totals: Totals::default() };
        segment.totals = segment.count();
        Ok(segment)
    }

    /// Whether a row is not deleted.
    pub(super) fn is_alive(&self, row: DocId) -> bool {
        self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(row))
    }

    fn count(&self) -> Totals {
        let mut totals = Totals::default();
        for document in 0..self.layout.documents() {
            let rows = self.layout.rows_of(document);
            if self.is_alive(rows.start) {
                totals.documents += 1;
                totals.chunks += u64::from(rows.end - rows.start);
                totals.body_terms += u64::from(self.layout.body_terms_of(document));
                totals.title_terms += u64::from(self.layout.title_terms_of(document));
            }
        }
        totals
    }
}

impl Layout {
    fn read(reader: &SegmentReader, fields: &Fields) -> tantivy::Result<Layout> {
        let rows = reader.max_doc();
        let chunks = reader.fast_fields().column_opt::<u64>("chunks")?;
        let documents = reader.fast_fields().u64("document")?;
        let body = reader.get_fieldnorms_reader(fields.body)?;
        let mut layout = Layout {
            starts: Vec::new(),
            keys: Vec::new(),
            by_key: None,
            owner: Vec::with_capacity(rows as usize),
            body_terms: Vec::new(),
            title: reader.get_fieldnorms_reader(fields.title)?,
            body: body.clone(),
            rows,
            columns: read_columns(reader)?,
        };
        for row in 0..rows {
            let is_first = chunks.as_ref().is_some_and(|chunks| chunks.first(row).is_some());
            // The first row of a segment always begins a document; anything else would be damage, and is read as one.
            if is_first || layout.starts.is_empty() {
                layout.starts.push(row);
                layout.keys.push(DocumentKey(documents.first(row).unwrap_or(0)));
                layout.body_terms.push(0);
            }
            layout.owner.push(layout.starts.len() as u32 - 1);
            if let Some(terms) = layout.body_terms.last_mut() {
                *terms = terms.saturating_add(body.fieldnorm(row));
            }
        }
        if !layout.keys.is_sorted() {
            let mut by_key: Vec<u32> = (0..layout.keys.len() as u32).collect();
            by_key.sort_unstable_by_key(|&document| layout.keys[document as usize]);
            layout.by_key = Some(by_key);
        }
        Ok(layout)
    }

    /// The document that has a chunk of this key, deleted ones too.
    pub(super) fn owner_of(&self, chunk: Key) -> Option<usize> {
        let before = |key: &DocumentKey| key.0 <= chunk.0;
        let document = match &self.by_key {
            None => self.keys.partition_point(before).checked_sub(1)?,
            Some(by_key) => {
                let place = by_key.partition_point(|&document| before(&self.keys[document as usize]));
                by_key[place.checked_sub(1)?] as usize
            }
        };
        let rows = self.rows_of(document);
        self.keys[document].keys(rows.end - rows.start).contains(&chunk.0).then_some(document)
    }

    /// How many documents there are, deleted ones too.
    pub(super) fn documents(&self) -> usize {
        self.starts.len()
    }

    /// The rows of all chunks, deleted ones too.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// The rows of a document's chunks.
    pub(super) fn rows_of(&self, document: usize) -> Range<DocId> {
        self.starts[document]..self.starts.get(document + 1).copied().unwrap_or(self.rows)
    }

    /// The document a row belongs to.
    pub(super) fn document_of(&self, row: DocId) -> usize {
        self.owner[row as usize] as usize
    }

    /// The key of a document.
    pub(super) fn key_of(&self, document: usize) -> DocumentKey {
        self.keys[document]
    }

    /// The key of the chunk in `row`.
    pub(super) fn chunk_key(&self, row: DocId) -> Key {
        let document = self.document_of(row);
        Key(self.keys[document].0 + u64::from(row - self.starts[document]))
    }

    /// Terms in a chunk's text.
    pub(super) fn chunk_terms(&self, row: DocId) -> u32 {
        self.body.fieldnorm(row)
    }

    /// Terms in a document's text.
    pub(super) fn body_terms_of(&self, document: usize) -> u32 {
        self.body_terms[document]
    }

    /// Terms in a document's title.
    pub(super) fn title_terms_of(&self, document: usize) -> u32 {
        self.title.fieldnorm(self.starts[document])
    }
}

fn read_columns(reader: &SegmentReader) -> tantivy::Result<BTreeMap<String, Vec<(Kind, DynamicColumnHandle)>>> {
    let file = reader.open_read(SegmentComponent::FastFields)?;
    let mut columns: BTreeMap<String, Vec<(Kind, DynamicColumnHandle)>> = BTreeMap::new();
    for (name, handle) in ColumnarReader::open(file)?.iter_columns()? {
        if let Some((kind, path)) = name.strip_prefix(METADATA_PREFIX).and_then(Kind::split) {
            columns.entry(path.to_owned()).or_default().push((kind, handle));
        }
    }
    Ok(columns)
}
