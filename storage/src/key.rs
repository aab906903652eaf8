//! Keys as bytes that sort as the keys do: integers big-endian, text as UTF-8.

use crate::sequence::Sequence;

/// A type that can be the key of a table. The order of the bytes is the order of scans.
pub trait TableKey: Sized {
    /// Appends the key's bytes, at most 1024 of them.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Reads a key back; `None` where the bytes are none. Must not panic on any bytes.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// What may be passed where a key `K` is asked for: `K` itself, `str` for `String`, `[u8]` for `Vec<u8>`.
pub trait AsKey<K> {
    /// Appends the bytes that the equal `K` would have.
    fn encode_as_key(&self, bytes: &mut Vec<u8>);
}

impl<K: TableKey> AsKey<K> for K {
    fn encode_as_key(&self, bytes: &mut Vec<u8>) {
        self.encode(bytes);
    }
}

impl AsKey<String> for str {
    fn encode_as_key(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }
}

impl AsKey<Vec<u8>> for [u8] {
    fn encode_as_key(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }
}

impl TableKey for u32 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl TableKey for u64 {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl TableKey for Sequence {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        u64::decode(bytes).map(Self)
    }
}

impl TableKey for (u64, u32) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (first, second) = bytes.split_at_checked(8)?;
        Some((u64::decode(first)?, u32::decode(second)?))
    }
}

impl TableKey for (u32, u64) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (first, second) = bytes.split_at_checked(4)?;
        Some((u32::decode(first)?, u64::decode(second)?))
    }
}

impl TableKey for String {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

impl TableKey for Vec<u8> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes<K: TableKey>(key: &K) -> Vec<u8> {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        bytes
    }

    /// Keys come back as they were, sort as they do, and nothing longer or shorter passes for one.
    fn check<K: TableKey + Ord + Clone + std::fmt::Debug>(a: &K, b: &K) -> Result<(), TestCaseError> {
        let (a_bytes, b_bytes) = (bytes(a), bytes(b));
        prop_assert_eq!(K::decode(&a_bytes), Some(a.clone()));
        prop_assert_eq!(a.cmp(b), a_bytes.cmp(&b_bytes));
        Ok(())
    }

    proptest! {
        #[test]
        fn keys_round_trip_and_keep_their_order(
            a: (u64, u32), b: (u64, u32), s in ".{0,12}", t in ".{0,12}", near in 0u64..4,
        ) {
            check(&a, &b)?;
            check(&a.0, &b.0)?;
            check(&a.1, &b.1)?;
            check(&(a.0, 1), &(a.0.wrapping_add(near), 0))?;
            check(&(a.1, a.0), &(b.1, b.0))?;
            check(&Sequence(a.0), &Sequence(b.0))?;
            check(&s, &t)?;
            check(&s.clone().into_bytes(), &t.clone().into_bytes())?;
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(u64::decode(&bytes).is_some(), bytes.len() == 8);
            prop_assert_eq!(<(u64, u32)>::decode(&bytes).is_some(), bytes.len() == 12);
            prop_assert_eq!(<(u32, u64)>::decode(&bytes).is_some(), bytes.len() == 12);
            prop_assert_eq!(String::decode(&bytes).is_some(), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
