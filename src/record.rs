//! What one version of a document keeps beside its text: identity, title, headings, metadata, and where its chunks are.
//!
//! The text is not here: it lies in blocks of its own ([`crate::schema::TEXTS`]), so that showing one passage of a book reads one block.

use neodex_storage::Malformed;

use crate::bytes::{Reader, Writer, malformed};
use crate::chunking::Chunk;
use crate::document::{Document, DocumentError, record};

/// A version without its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VersionRecord {
    /// The document; its text is empty here.
    pub(crate) document: Document,
    /// Its chunks, in the order of their keys.
    pub(crate) chunks: Vec<Chunk>,
}

impl VersionRecord {
    /// The record's bytes.
    ///
    /// # Errors
    /// When the document may not be stored.
    pub(crate) fn encode(document: &Document, chunks: &[Chunk]) -> Result<Vec<u8>, DocumentError> {
        document.check()?;
        let bare = Document {
            id: document.id.clone(),
            title: document.title.clone(),
            text: String::new(),
            headings: document.headings.clone(),
            metadata: document.metadata.clone(),
        };
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.varint(chunks.len() as u64);
        let mut end = 0;
        for chunk in chunks {
            writer.varint((chunk.span.start - end) as u64);
            writer.varint(chunk.span.len() as u64);
            writer.varint(chunk.heading_path.len() as u64);
            chunk.heading_path.iter().for_each(|&heading| writer.varint(heading as u64));
            end = chunk.span.end;
        }
        writer.raw(&record::encode(&bare)?);
        Ok(out)
    }

    /// The record from its bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let count = reader.varint_usize()?;
        let mut chunks = Vec::with_capacity(count.min(bytes.len()));
        let mut end = 0usize;
        for _ in 0..count {
            let start = end.checked_add(reader.varint_usize()?).ok_or_else(|| malformed("a span is too large"))?;
            end = start.checked_add(reader.varint_usize()?).ok_or_else(|| malformed("a span is too large"))?;
            let depth = reader.varint_usize()?;
            let heading_path = (0..depth).map(|_| reader.varint_usize()).collect::<Result<Vec<_>, _>>()?;
            chunks.push(Chunk { span: start..end, heading_path });
        }
        let document = record::decode(reader.rest()).map_err(|error| Malformed { reason: error.to_string() })?;
        Ok(Self { document, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Heading;

    #[test]
    fn a_version_comes_back_without_its_text() {
        let mut document = Document::new("id", "# Top\n\nwords and more").title("A title").metadata("year", 1999);
        document.headings = vec![Heading { level: 1, text: "Top".to_owned(), offset: 0 }];
        let chunks =
            vec![Chunk { span: 0..12, heading_path: vec![0] }, Chunk { span: 13..21, heading_path: Vec::new() }];
        let bytes = VersionRecord::encode(&document, &chunks).unwrap();
        let back = VersionRecord::decode(&bytes).unwrap();
        assert_eq!(back.chunks, chunks);
        assert_eq!(back.document, Document { text: String::new(), ..document });
        for cut in 0..bytes.len() {
            assert!(VersionRecord::decode(&bytes[..cut]).is_err());
        }
    }
}
