//! What a search sees: the segments of one commit, which stay as they are however long the search takes.

use std::collections::HashMap;

use tantivy::Searcher;
use tantivy::index::SegmentId;

use super::schema::Fields;
use super::segment::{Segment, Totals};
use crate::key::{DocumentKey, Key};

/// The segments of one commit.
pub(super) struct Generation {
    pub(super) searcher: Searcher,
    pub(super) segments: Vec<Segment>,
    pub(super) totals: Totals,
}

impl Generation {
    /// Opens the segments of `searcher`, taking over what `before` knew of them.
    pub(super) fn open(
        searcher: Searcher,
        fields: &Fields,
        before: Option<&Generation>,
    ) -> tantivy::Result<Generation> {
        let known: HashMap<SegmentId, &Segment> = before
            .map(|before| before.segments.iter().map(|segment| (segment.reader.segment_id(), segment)).collect())
            .unwrap_or_default();
        let segments = searcher
            .segment_readers()
            .iter()
            .map(|reader| Segment::open(reader, fields, known.get(&reader.segment_id()).copied()))
            .collect::<tantivy::Result<Vec<_>>>()?;
        let totals = segments.iter().fold(Totals::default(), |sum, segment| Totals {
            documents: sum.documents + segment.totals.documents,
            chunks: sum.chunks + segment.totals.chunks,
            body_terms: sum.body_terms + segment.totals.body_terms,
            title_terms: sum.title_terms + segment.totals.title_terms,
        });
        Ok(Generation { searcher, segments, totals })
    }

    /// The document that a chunk is of.
    pub(super) fn owner_of(&self, chunk: Key) -> Option<DocumentKey> {
        self.segments.iter().find_map(|segment| {
            let document = segment.layout.owner_of(chunk)?;
            let alive = segment.is_alive(segment.layout.rows_of(document).start);
            alive.then(|| segment.layout.key_of(document))
        })
    }

    /// The keys of the documents and the number of their chunks, ascending.
    pub(super) fn documents(&self) -> Vec<(DocumentKey, u32)> {
        let mut documents = Vec::new();
        for segment in &self.segments {
            for document in 0..segment.layout.documents() {
                let rows = segment.layout.rows_of(document);
                if segment.is_alive(rows.start) {
                    documents.push((segment.layout.key_of(document), rows.end - rows.start));
                }
            }
        }
        documents.sort_unstable();
        documents
    }
}
