//! The name of a document: what a person typed or the path it was read from, kept printable and short enough for a key.

use super::DocumentError;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// A document's identity: 1 to [`MAX_ID_BYTES`] bytes without control characters.
///
/// [`DocumentId::new`] checks. `From<&str>` and `From<String>` do not, so that a document can be built in one
/// expression; the check then happens where the document is stored ([`crate::document::Document::check`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentId(String);

impl DocumentId {
    /// A checked id.
    ///
    /// # Errors
    /// When the id is empty, longer than [`MAX_ID_BYTES`] or holds a control character.
    pub fn new(id: impl Into<String>) -> Result<Self, DocumentError> {
        let id = Self(id.into());
        id.check()?;
        Ok(id)
    }

    /// Whether the id may be stored.
    ///
    /// # Errors
    /// As [`DocumentId::new`].
    pub fn check(&self) -> Result<(), DocumentError> {
        if self.0.is_empty() {
            return Err(DocumentError::EmptyId);
        }
        if self.0.len() > MAX_ID_BYTES {
            return Err(DocumentError::IdTooLong { bytes: self.0.len(), limit: MAX_ID_BYTES });
        }
        match self.0.char_indices().find(|(_, c)| c.is_control()) {
            Some((position, c)) => Err(DocumentError::ControlCharacter { code: u32::from(c), position }),
            None => Ok(()),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id's own string.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for DocumentId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl From<String> for DocumentId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl AsRef<str> for DocumentId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DocumentId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for DocumentId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for DocumentId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_checked() {
        assert_eq!(DocumentId::new("a/b c.md").unwrap(), "a/b c.md");
        assert_eq!(DocumentId::new(""), Err(DocumentError::EmptyId));
        assert!(DocumentId::new("é".repeat(256)).is_ok());
        assert_eq!(DocumentId::new("x".repeat(513)), Err(DocumentError::IdTooLong { bytes: 513, limit: 512 }));
        assert_eq!(DocumentId::new("ab\0c"), Err(DocumentError::ControlCharacter { code: 0, position: 2 }));
        assert!(DocumentId::new("a\nb").is_err());
    }
}
