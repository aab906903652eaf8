//! Journal entries: what an index that lags behind the store has to do to catch up.

use neodex_storage::Malformed;

use crate::bytes::{Reader, Writer, malformed};

/// One committed change, as the journal keeps it. Applying one twice changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A version became the document's; an older one may have gone.
    Insert {
        /// The document.
        id: String,
        /// The version that counts now.
        version: u64,
        /// The version it replaced, and its number of chunks.
        replaced: Option<(u64, u32)>,
    },
    /// A document went.
    Delete {
        /// The version that went.
        version: u64,
        /// Its number of chunks.
        chunks: u32,
    },
}

const INSERT: u64 = 1;
const REPLACE: u64 = 2;
const DELETE: u64 = 3;

impl Operation {
    /// The entry's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        match self {
            Operation::Insert { id, version, replaced } => {
                writer.varint(if replaced.is_some() { REPLACE } else { INSERT });
                writer.varint(*version);
                writer.text(id);
                if let Some((version, chunks)) = replaced {
                    writer.varint(*version);
                    writer.varint((*chunks).into());
                }
            }
            Operation::Delete { version, chunks } => {
                writer.varint(DELETE);
                writer.varint(*version);
                writer.varint((*chunks).into());
            }
        }
        out
    }

    /// The entry from its bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let kind = reader.varint()?;
        let version = reader.varint()?;
        let operation = match kind {
            INSERT | REPLACE => {
                let id = reader.text()?;
                let replaced = if kind == REPLACE { Some((reader.varint()?, reader.varint_u32()?)) } else { None };
                Operation::Insert { id, version, replaced }
            }
            DELETE => Operation::Delete { version, chunks: reader.varint_u32()? },
            _ => return Err(malformed("it is of an unknown kind")),
        };
        reader.end()?;
        Ok(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back() {
        for operation in [
            Operation::Insert { id: "a/b.md".to_owned(), version: 7, replaced: None },
            Operation::Insert { id: String::new(), version: u64::MAX, replaced: Some((3, 4)) },
            Operation::Delete { version: 9, chunks: 1 },
        ] {
            let bytes = operation.encode();
            assert_eq!(Operation::decode(&bytes).unwrap(), operation);
            assert!(Operation::decode(&bytes[..bytes.len() - 1]).is_err());
        }
        assert!(Operation::decode(&[9, 9]).is_err());
    }
}
