//! A document as it is read, searched and given back: title, text, the outline of the text, metadata.

use super::value;
use super::{DocumentError, DocumentId, Metadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest text of one document, in bytes.
pub const MAX_TEXT_BYTES: usize = 512 << 20;

/// A heading of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// 1 for the outermost, as in HTML; 1 to 6 from most formats.
    pub level: u8,
    /// The heading's words.
    pub text: String,
    /// Where the section starts: byte offset in the document's text, of the heading's own line.
    pub offset: usize,
}

/// One document.
///
/// `text` holds everything that is searched, each heading as a line of its own, once. `headings` are ordered by offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its identity: storing another document under it replaces this one.
    pub id: DocumentId,
    /// Its title; empty when it has none (then the id is shown).
    #[serde(default)]
    pub title: String,
    /// Its text, at most [`MAX_TEXT_BYTES`].
    pub text: String,
    /// The outline of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<Heading>,
    /// Facts to filter and count by.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Document {
    /// A document without title, headings or metadata.
    pub fn new(id: impl Into<DocumentId>, text: impl Into<String>) -> Self {
        Self { id: id.into(), title: String::new(), text: text.into(), headings: Vec::new(), metadata: Metadata::new() }
    }

    /// With this title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// With one more metadata field.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key, value);
        self
    }

    /// Whether the document may be stored.
    ///
    /// # Errors
    /// When the id is not one, the text is longer than [`MAX_TEXT_BYTES`], or the metadata is nested too deeply.
    pub fn check(&self) -> Result<(), DocumentError> {
        self.id.check()?;
        if self.text.len() > MAX_TEXT_BYTES {
            return Err(DocumentError::TextTooLong {
                id: self.id.to_string(),
                bytes: self.text.len(),
                limit: MAX_TEXT_BYTES,
            });
        }
        let shallow = self.metadata.iter().all(|(_, field)| value::is_shallow(field, value::MAX_DEPTH));
        if shallow {
            Ok(())
        } else {
            Err(DocumentError::MetadataTooDeep { id: self.id.to_string(), limit: value::MAX_DEPTH })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn built_in_one_expression_and_through_json() {
        let document = Document::new("hnsw", "A layered graph.").title("HNSW").metadata("year", 2016);
        assert!(document.check().is_ok());
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
        assert_eq!(serde_json::from_str::<Document>(r#"{"id":"a","text":"b"}"#).unwrap(), Document::new("a", "b"));
    }

    #[test]
    fn deep_metadata_is_refused() {
        let mut deep = Value::Null;
        for _ in 0..200 {
            deep = Value::Array(vec![deep]);
        }
        let refused = Document::new("a", "").metadata("deep", deep).check();
        assert!(matches!(refused, Err(DocumentError::MetadataTooDeep { .. })));
    }
}
