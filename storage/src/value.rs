//! Payloads of rows as bytes. What a payload means is its owner's affair; the store only asks that reading never panics.

/// Why a payload could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed payload: {reason}")]
pub struct Malformed {
    /// What did not fit.
    pub reason: String,
}

impl Malformed {
    /// A payload that is malformed for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// A type that can be the value of a table.
pub trait TableValue: Sized {
    /// Appends the payload's bytes, at most [`MAX_PAYLOAD_BYTES`](crate::MAX_PAYLOAD_BYTES) of them.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Reads a payload back. Must not panic on any bytes.
    ///
    /// # Errors
    /// [`Malformed`] where the bytes are no such value.
    fn decode(bytes: &[u8]) -> Result<Self, Malformed>;
}

impl TableValue for () {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes {
            [] => Ok(()),
            _ => Err(Malformed::new(format!("{} bytes where none belong", bytes.len()))),
        }
    }
}

impl TableValue for u64 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        bytes
            .try_into()
            .map(Self::from_le_bytes)
            .map_err(|_| Malformed::new(format!("{} bytes where 8 belong", bytes.len())))
    }
}

impl TableValue for Vec<u8> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(bytes.to_vec())
    }
}

impl TableValue for String {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::from_utf8(bytes.to_vec()).map_err(|error| Malformed::new(error.to_string()))
    }
}
