//! The random name of a database, by which an index knows that it was made from this store and no other.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DatabaseId(u128);

impl DatabaseId {
    /// A new one. `RandomState` brings the system's randomness; time, process and a count make up for a poor one.
    pub(crate) fn random() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut hasher = blake3::Hasher::new();
        for part in 0..4u64 {
            hasher.update(&RandomState::new().hash_one(part).to_le_bytes());
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        hasher.update(&now.as_nanos().to_le_bytes());
        hasher.update(&std::process::id().to_le_bytes());
        hasher.update(&COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let digest = *hasher.finalize().as_bytes();
        Self(digest.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes)))
    }

    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u128::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_read_back() {
        let (a, b) = (DatabaseId::random(), DatabaseId::random());
        assert_ne!(a, b);
        assert_eq!(DatabaseId::parse(&a.to_string()), Some(a));
        for bad in ["", "12", "+2345678901234567890123456789012", "g2345678901234567890123456789012"] {
            assert_eq!(DatabaseId::parse(bad), None, "{bad}");
        }
    }
}
