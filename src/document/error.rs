//! What can be wrong with a document itself, as opposed to with the file it came from.

/// Why a document, its id or its stored bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The id is empty.
    #[error("a document's id must not be empty: give it a name, a path or a number")]
    EmptyId,
    /// The id is longer than an index key may be.
    #[error("the id is {bytes} bytes long, at most {limit} are allowed: shorten it")]
    IdTooLong {
        /// Length of the id given, in bytes.
        bytes: usize,
        /// The longest id, in bytes.
        limit: usize,
    },
    /// The id holds a NUL, a line break or another control character.
    #[error("the id holds the control character U+{code:04X} at byte {position}: remove it")]
    ControlCharacter {
        /// The character's code point.
        code: u32,
        /// Where it stands, in bytes.
        position: usize,
    },
    /// The text is longer than one document may be.
    #[error("document '{id}' has {bytes} bytes of text, at most {limit} are allowed: split it into several documents")]
    TextTooLong {
        /// The document.
        id: String,
        /// Length of its text, in bytes.
        bytes: usize,
        /// The longest text, in bytes.
        limit: usize,
    },
    /// The metadata is nested too deeply to be read back.
    #[error("the metadata of document '{id}' is nested more than {limit} levels deep: flatten it")]
    MetadataTooDeep {
        /// The document.
        id: String,
        /// The deepest nesting.
        limit: usize,
    },
    /// Stored bytes that are no document.
    #[error("a stored document cannot be read: {reason} (at byte {position} of {length})")]
    Corrupted {
        /// What did not fit.
        reason: &'static str,
        /// How far reading came, in bytes of the unpacked record.
        position: usize,
        /// Length of the unpacked record, in bytes.
        length: usize,
    },
    /// A record of a newer version of the program.
    #[error("a stored document has record version {found}, this program reads up to {supported}: use a newer program")]
    UnsupportedVersion {
        /// The version found.
        found: u8,
        /// The newest version known.
        supported: u8,
    },
    /// Compression failed.
    #[error("document '{id}' could not be packed: {reason}")]
    Packing {
        /// The document.
        id: String,
        /// What the compressor said.
        reason: String,
    },
}
