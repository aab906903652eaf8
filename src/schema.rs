//! The tables of a database and what their rows hold.
//!
//! A *version* of a document is named by the key of its first chunk, and its other chunks follow without a gap. Every row but the head
//! belongs to a version, so a replacement writes a new version beside the old one and a single small row, the head, decides which counts.
//! Large documents are written in several transactions this way; until their head names them they are listed in [`UNREFERENCED`], from
//! which an interrupted write is swept on open.

use neodex_storage::{Malformed, Table, TableValue};

use crate::bytes::{Reader, Writer};
use crate::sealing::stored::StoredSegment;

/// Document id → [`Head`].
pub(crate) const DOCUMENTS: Table<String, Head> = Table::new(16, "documents");
/// (version, part) → title, headings, metadata and chunk spans: `document::record` cut into parts.
pub(crate) const RECORDS: Table<(u64, u32), Vec<u8>> = Table::new(17, "records");
/// (version, block × [`PARTS_PER_BLOCK`] + part) → the text, in compressed blocks.
pub(crate) const TEXTS: Table<(u64, u32), Vec<u8>> = Table::new(18, "texts");
/// First chunk key of a run → its codes as the first databases had them, in eight bits a value; made anew when such a database is opened.
pub(crate) const FIRST_CODES: Table<u64, Vec<u8>> = Table::new(19, "codes of 8 bits");
/// (chunk key, part) → a full-precision row.
pub(crate) const ROWS: Table<(u64, u32), Vec<u8>> = Table::new(20, "rows");
/// Deleted document id → the version that was deleted: a removal is a record too, so that a repair from raw bytes knows of it.
pub(crate) const DELETED: Table<String, u64> = Table::new(21, "deleted");
/// Version that no head names → its number of chunks: half-written, or replaced and not yet swept.
pub(crate) const UNREFERENCED: Table<u64, u64> = Table::new(22, "unreferenced");
/// Source path → [`Source`]: what was read from it last, so that an unchanged file need not be read again.
pub(crate) const SOURCES: Table<String, Source> = Table::new(23, "sources");
/// `source NUL document id` → nothing: the documents a file of many records gave.
pub(crate) const SOURCE_DOCUMENTS: Table<String, ()> = Table::new(24, "source documents");
/// One row: the [`Totals`].
pub(crate) const TOTALS: Table<String, Totals> = Table::new(25, "totals");
/// One row: the journal has been trimmed up to this Sequence.
pub(crate) const TRIMMED: Table<String, u64> = Table::new(26, "trimmed");
/// (first chunk key of a run, part) → the codes of that run of chunks in twelve bits a value, read whole when the database is opened.
pub(crate) const CODES: Table<(u64, u32), Vec<u8>> = Table::new(27, "codes");
/// The same of chunks that are gone, while a segment may walk over them.
pub(crate) const BURIED_CODES: Table<(u64, u32), Vec<u8>> = Table::new(28, "codes of deleted vectors");
/// Segment → that it counts, and what its bytes are.
pub(crate) const SEGMENTS: Table<u64, StoredSegment> = Table::new(29, "vector segments");
/// (segment, part) → its bytes.
pub(crate) const SEGMENT_BYTES: Table<(u64, u32), Vec<u8>> = Table::new(30, "bytes of vector segments");

/// As [`ROWS`], of the second [`Slot`].
pub(crate) const SECOND_ROWS: Table<(u64, u32), Vec<u8>> = Table::new(40, "rows of the second slot");
/// One row: the bit of the [`Slot`] that [`CODES`] were made from; the first slot's where it is absent.
pub(crate) const CODES_OF: Table<String, u64> = Table::new(41, "codes of");

/// Every table of the library, for `verify`.
pub(crate) const TABLE_NAMES: [(u8, &str); 17] = [
    (DOCUMENTS.id(), DOCUMENTS.name()),
    (RECORDS.id(), RECORDS.name()),
    (TEXTS.id(), TEXTS.name()),
    (FIRST_CODES.id(), FIRST_CODES.name()),
    (CODES.id(), CODES.name()),
    (BURIED_CODES.id(), BURIED_CODES.name()),
    (SEGMENTS.id(), SEGMENTS.name()),
    (SEGMENT_BYTES.id(), SEGMENT_BYTES.name()),
    (ROWS.id(), ROWS.name()),
    (DELETED.id(), DELETED.name()),
    (UNREFERENCED.id(), UNREFERENCED.name()),
    (SOURCES.id(), SOURCES.name()),
    (SOURCE_DOCUMENTS.id(), SOURCE_DOCUMENTS.name()),
    (TOTALS.id(), TOTALS.name()),
    (TRIMMED.id(), TRIMMED.name()),
    (SECOND_ROWS.id(), SECOND_ROWS.name()),
    (CODES_OF.id(), CODES_OF.name()),
];

/// Whether a table, or the journal, holds what cannot be made again from other rows. A repair takes these over; every other table is
/// derived, and its owner makes it again or does without.
pub(crate) fn is_truth(table: u8) -> bool {
    const JOURNAL: u8 = 0;
    const TRUTH: [u8; 9] = [
        JOURNAL,
        DOCUMENTS.id(),
        RECORDS.id(),
        TEXTS.id(),
        ROWS.id(),
        SECOND_ROWS.id(),
        DELETED.id(),
        SOURCES.id(),
        SOURCE_DOCUMENTS.id(),
    ];
    TRUTH.contains(&table)
}

/// The counter chunk keys are taken from.
pub(crate) const KEY_COUNTER: &str = "keys";
/// The counter segments are numbered from.
pub(crate) const SEGMENT_COUNTER: &str = "vector segments";
/// The key of the one row of a table that has one row.
pub(crate) const ONLY: &str = "only";
/// Text is compressed in blocks of this many bytes: small enough that a passage is read without its document, large enough to compress.
pub(crate) const TEXT_BLOCK_BYTES: usize = 16 << 10;
/// Room for the parts of one block in the key: an incompressible block has five.
pub(crate) const PARTS_PER_BLOCK: u32 = 8;

/// Where full vectors lie: a database has two places for them, so that those of another model can be made beside those that serve. `FORMAT`
/// says which one serves. Codes and everything made of them are of the one that serves, and are made again from it when that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Where every database begins.
    First,
    /// The other.
    Second,
}

impl Slot {
    pub(crate) const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Its part of [`Head::slots`].
    pub(crate) fn bit(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// The one that does not serve while this one does.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// Its table.
    pub(crate) fn rows(self) -> &'static Table<(u64, u32), Vec<u8>> {
        // A reference to a constant would be one to a copy of it on the stack.
        static FIRST: Table<(u64, u32), Vec<u8>> = ROWS;
        static SECOND: Table<(u64, u32), Vec<u8>> = SECOND_ROWS;
        match self {
            Self::First => &FIRST,
            Self::Second => &SECOND,
        }
    }
}

/// What stands for a document: which version counts, and enough to know whether it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Key of the version's first chunk.
    pub(crate) version: u64,
    /// Chunks of the version, at least 1.
    pub(crate) chunks: u32,
    /// Parts of its record in [`RECORDS`].
    pub(crate) record_parts: u32,
    /// Bytes of its text.
    pub(crate) text_bytes: u64,
    /// Hash of everything the parser gave.
    pub(crate) content_hash: [u8; 16],
    /// The [`Slot`]s that hold vectors of it, as the sum of their bits; 0 while none does.
    pub(crate) slots: u32,
}

impl Head {
    /// Whether `slot` holds its vectors.
    pub(crate) fn has_vectors(&self, slot: Slot) -> bool {
        self.slots & slot.bit() != 0
    }
}

impl TableValue for Head {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.varint(self.version);
        writer.varint(self.chunks.into());
        writer.varint(self.record_parts.into());
        writer.varint(self.text_bytes);
        writer.varint(self.slots.into());
        writer.raw(&self.content_hash);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let head = Self {
            version: reader.varint()?,
            chunks: reader.varint_u32()?,
            record_parts: reader.varint_u32()?,
            text_bytes: reader.varint()?,
            slots: reader.varint_u32()?,
            content_hash: reader.array()?,
        };
        reader.end()?;
        Ok(head)
    }
}

/// What is known of a file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The absolute folder or file that was ingested, under which this path was found.
    pub(crate) root: String,
    /// Length of the file in bytes.
    pub(crate) length: u64,
    /// Its modification time, nanoseconds since 1970; 0 when the file changed too recently to trust it.
    pub(crate) modified_ns: u64,
    /// Whether its documents have ids of their own, listed in [`SOURCE_DOCUMENTS`], rather than the path as the only id.
    pub(crate) many: bool,
    /// Documents it gave.
    pub(crate) documents: u64,
}

impl TableValue for Source {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.text(&self.root);
        writer.varint(self.length);
        writer.varint(self.modified_ns);
        writer.varint(self.many.into());
        writer.varint(self.documents);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let source = Self {
            root: reader.text()?,
            length: reader.varint()?,
            modified_ns: reader.varint()?,
            many: reader.varint()? != 0,
            documents: reader.varint()?,
        };
        reader.end()?;
        Ok(source)
    }
}

/// Sums over all live documents, kept in step by every transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    /// Chunks of live documents.
    pub(crate) chunks: u64,
    /// Chunks that have a vector in the first slot, and in the second.
    vectors: [u64; 2],
    /// Bytes of text.
    pub(crate) text_bytes: u64,
}

impl Totals {
    /// Adds what `head` stands for.
    pub(crate) fn add(&mut self, head: &Head) {
        self.chunks += u64::from(head.chunks);
        for (slot, vectors) in Slot::ALL.into_iter().zip(&mut self.vectors) {
            *vectors += if head.has_vectors(slot) { u64::from(head.chunks) } else { 0 };
        }
        self.text_bytes += head.text_bytes;
    }

    /// Takes away what `head` stood for.
    pub(crate) fn subtract(&mut self, head: &Head) {
        self.chunks = self.chunks.saturating_sub(head.chunks.into());
        for (slot, vectors) in Slot::ALL.into_iter().zip(&mut self.vectors) {
            *vectors = vectors.saturating_sub(if head.has_vectors(slot) { head.chunks.into() } else { 0 });
        }
        self.text_bytes = self.text_bytes.saturating_sub(head.text_bytes);
    }

    /// Chunks that have a vector in `slot`.
    pub(crate) fn vectors(&self, slot: Slot) -> u64 {
        let [first, second] = self.vectors;
        match slot {
            Slot::First => first,
            Slot::Second => second,
        }
    }
}

impl TableValue for Totals {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.varint(self.chunks);
        let [first, second] = self.vectors;
        writer.varint(first);
        writer.varint(self.text_bytes);
        // Absent as long as it says nothing, as it was before there was a second slot.
        if second > 0 {
            writer.varint(second);
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let (chunks, first, text_bytes) = (reader.varint()?, reader.varint()?, reader.varint()?);
        let second = if reader.is_empty() { 0 } else { reader.varint()? };
        let totals = Self { chunks, vectors: [first, second], text_bytes };
        reader.end()?;
        Ok(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_way_to_bytes_and_back() {
        let head =
            Head { version: u64::MAX, chunks: 7, record_parts: 1, text_bytes: 12_345, content_hash: [9; 16], slots: 3 };
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        assert_eq!(Head::decode(&bytes).unwrap(), head);
        assert!(Head::decode(&bytes[..bytes.len() - 1]).is_err());
        bytes.push(0);
        assert!(Head::decode(&bytes).is_err(), "trailing bytes are a fault");
    }

    #[test]
    fn totals_take_away_what_they_added() {
        let head = Head { version: 1, chunks: 4, record_parts: 1, text_bytes: 10, content_hash: [0; 16], slots: 2 };
        let mut totals = Totals::default();
        totals.add(&head);
        assert_eq!(totals, Totals { chunks: 4, vectors: [0, 4], text_bytes: 10 });
        let mut bytes = Vec::new();
        totals.encode(&mut bytes);
        assert_eq!(Totals::decode(&bytes).unwrap(), totals);
        // As it was written before there was a second slot.
        assert_eq!(Totals::decode(&[4, 4, 10]).unwrap(), Totals { chunks: 4, vectors: [4, 0], text_bytes: 10 });
        totals.subtract(&head);
        assert_eq!(totals, Totals::default());
    }
}
