//! The fields of the index. One tantivy document is one chunk; chunk 0 stands for its document as well.
//!
//! Nothing is stored: texts live in the store. All chunks of a document are added in one batch, so they lie side by side in one segment,
//! first to last; that turns every question about a document into one about a range.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, JsonObjectOptions, Schema, TextFieldIndexing, TextOptions,
};

/// Raised whenever the fields or the analyzer change what is indexed; an index of another version is built again.
pub(super) const VERSION: u32 = 1;

/// The name under which the analyzer is registered.
pub(super) const TOKENIZER: &str = "words";

/// The column prefix of metadata; U+0001 is tantivy's separator within a path.
pub(super) const METADATA_PREFIX: &str = "metadata\u{1}";

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The document's key, on every chunk: what a removal names.
    pub(super) document: Field,
    /// How many chunks the document has, on chunk 0 only: its presence is what marks chunk 0.
    pub(super) chunks: Field,
    /// The title, on chunk 0 only.
    pub(super) title: Field,
    /// The heading path.
    pub(super) headings: Field,
    /// The chunk's text.
    pub(super) body: Field,
    /// Metadata on chunk 0, as columns; see `metadata` for their names.
    pub(super) metadata: Field,
}

/// The schema and its fields.
pub(super) fn build() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        document: schema.add_u64_field("document", INDEXED | FAST),
        chunks: schema.add_u64_field("chunks", FAST),
        title: schema.add_text_field("title", text.clone()),
        headings: schema.add_text_field("headings", text.clone()),
        body: schema.add_text_field("body", text),
        metadata: schema.add_json_field("metadata", JsonObjectOptions::default().set_fast("raw")),
    };
    (schema.build(), fields)
}
