//! A table: a number, a name, and the types of its keys and values.
//!
//! All tables share one sled tree, the table's number being the first byte of the key, so that one batch is atomic
//! over all of them.

use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use crate::codec::{self, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, Stored};
use crate::error::{Error, Result};
use crate::key::{AsKey, TableKey};
use crate::value::TableValue;

/// The first table number that is free for users; the ones below are the store's own.
pub const FIRST_USER_TABLE: u8 = 16;

/// A typed table. Declare it as a constant: `const TITLES: Table<u64, String> = Table::new(16, "titles");`
pub struct Table<K, V> {
    id: u8,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

impl<K, V> std::fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({}, {:?})", self.id, self.name)
    }
}

impl<K, V> Table<K, V> {
    /// The table with this number (16 to 255, fixed for ever once there is data) and this name (for messages only).
    ///
    /// # Panics
    /// With a number below [`FIRST_USER_TABLE`]; in a constant, that is at compile time.
    #[must_use]
    pub const fn new(id: u8, name: &'static str) -> Self {
        assert!(id >= FIRST_USER_TABLE, "table numbers below 16 are the store's own");
        Self::internal(id, name)
    }

    /// One of the store's own tables.
    pub(crate) const fn internal(id: u8, name: &'static str) -> Self {
        Self { id, name, types: PhantomData }
    }

    /// The table's number.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The table's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K: TableKey, V: TableValue> Table<K, V> {
    /// The key as sled sees it: the table's number, then the key.
    pub(crate) fn sled_key<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> Result<Vec<u8>> {
        let mut bytes = vec![self.id];
        key.encode_as_key(&mut bytes);
        match bytes.len() - 1 {
            0..=MAX_KEY_BYTES => Ok(bytes),
            found => Err(Error::KeyTooLarge { table: self.name.to_owned(), found, limit: MAX_KEY_BYTES }),
        }
    }

    /// The payload of a row, within its limit.
    pub(crate) fn payload(&self, value: &V) -> Result<Vec<u8>> {
        let mut payload = Vec::new();
        value.encode(&mut payload);
        match payload.len() {
            0..=MAX_PAYLOAD_BYTES => Ok(payload),
            found => Err(Error::ValueTooLarge { table: self.name.to_owned(), found, limit: MAX_PAYLOAD_BYTES }),
        }
    }

    /// The bounds, in sled's keys, of a range of this table's keys.
    pub(crate) fn sled_range(&self, range: &impl RangeBounds<K>) -> Result<SledRange> {
        let start = match range.start_bound() {
            Bound::Included(key) => Bound::Included(self.sled_key(key)?),
            Bound::Excluded(key) => Bound::Excluded(self.sled_key(key)?),
            Bound::Unbounded => Bound::Included(vec![self.id]),
        };
        let end = match range.end_bound() {
            Bound::Included(key) => Bound::Included(self.sled_key(key)?),
            Bound::Excluded(key) => Bound::Excluded(self.sled_key(key)?),
            Bound::Unbounded => after_prefix(&[self.id]),
        };
        Ok((start, end))
    }

    /// The bounds, in sled's keys, of all keys that begin with these bytes.
    pub(crate) fn sled_prefix(&self, prefix: &[u8]) -> SledRange {
        let mut start = vec![self.id];
        start.extend_from_slice(prefix);
        let end = after_prefix(&start);
        (Bound::Included(start), end)
    }

    /// Checks a stored value and reads it.
    pub(crate) fn read_value(&self, sled_key: &[u8], value: &[u8]) -> Result<V> {
        let stored = self.read_stored(sled_key, value)?;
        V::decode(stored.payload).map_err(|malformed| self.corrupted(sled_key, malformed.reason))
    }

    /// Checks a stored value.
    pub(crate) fn read_stored<'a>(&self, sled_key: &[u8], value: &'a [u8]) -> Result<Stored<'a>> {
        let key = sled_key.get(1..).unwrap_or_default();
        codec::decode(self.id, key, value).map_err(|reason| self.corrupted(sled_key, reason))
    }

    /// Checks a stored row and reads it.
    pub(crate) fn read_row(&self, sled_key: &[u8], value: &[u8]) -> Result<(K, V)> {
        let value = self.read_value(sled_key, value)?;
        let key = K::decode(sled_key.get(1..).unwrap_or_default())
            .ok_or_else(|| self.corrupted(sled_key, "the key is malformed".to_owned()))?;
        Ok((key, value))
    }

    /// The error for a row of this table.
    pub(crate) fn corrupted(&self, sled_key: &[u8], reason: String) -> Error {
        Error::Corrupted {
            table: self.name.to_owned(),
            key: codec::describe_key(sled_key.get(1..).unwrap_or_default()),
            reason,
        }
    }
}

/// Bounds in sled's keys.
pub(crate) type SledRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// Whether a range cannot hold anything (sled and `BTreeMap` would panic on some of these).
pub(crate) fn is_empty(range: &SledRange) -> bool {
    use Bound::{Excluded, Included};
    match range {
        (Included(start), Included(end)) => start > end,
        (Included(start) | Excluded(start), Excluded(end)) | (Excluded(start), Included(end)) => start >= end,
        _ => false,
    }
}

/// The first bound beyond every key that begins with `prefix`.
fn after_prefix(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after_prefix(&[16, 7]), Bound::Excluded(vec![16, 8]));
        assert_eq!(after_prefix(&[16, 255]), Bound::Excluded(vec![17]));
        assert_eq!(after_prefix(&[255, 255]), Bound::Unbounded);
    }

    #[test]
    fn the_last_table_ends_where_keys_end() {
        let table: Table<u64, ()> = Table::new(255, "last");
        assert!(matches!(
            table.sled_range(&(..)),
            Ok((Bound::Included(start), Bound::Unbounded)) if start == [255]
        ));
    }
}
