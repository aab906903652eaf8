//! Scanning what readers see. A scan is no snapshot: rows written while it runs may or may not appear, each of them whole.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::key::TableKey;
use crate::live::Live;
use crate::store::Store;
use crate::table::{SledRange, Table, is_empty};
use crate::value::TableValue;

/// sled's rows in a range; `None` for a range that cannot hold any.
pub(crate) fn sled_rows(tree: &sled::Tree, range: &SledRange) -> Option<sled::Iter> {
    (!is_empty(range)).then(|| tree.range::<Vec<u8>, _>(range.clone()))
}

/// Rows of a table, in the order of their keys. It keeps the store open while it lives. A damaged row is an
/// [`Error::Corrupted`] in its place; after an [`Error::Engine`] there are no more.
pub struct Rows<K, V> {
    table: Table<K, V>,
    rows: Option<sled::Iter>,
    // After the iterator, so that sled is let go of before the store is.
    _live: Arc<Live>,
    _store: Store,
}

impl<K, V> Rows<K, V> {
    pub(crate) fn new(store: &Store, table: Table<K, V>, range: &SledRange) -> Self {
        let live = store.engine().live();
        Self { table, rows: sled_rows(&live, range), _live: live, _store: store.clone() }
    }
}

impl<K: TableKey, V: TableValue> Iterator for Rows<K, V> {
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.as_mut()?.next()? {
            Ok((key, value)) => Some(self.table.read_row(&key, &value)),
            Err(error) => {
                self.rows = None;
                Some(Err(Error::engine("scan")(error)))
            }
        }
    }
}

impl<K: TableKey, V: TableValue> DoubleEndedIterator for Rows<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self.rows.as_mut()?.next_back()? {
            Ok((key, value)) => Some(self.table.read_row(&key, &value)),
            Err(error) => {
                self.rows = None;
                Some(Err(Error::engine("scan")(error)))
            }
        }
    }
}

impl<K, V> std::fmt::Debug for Rows<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows of {:?}", self.table)
    }
}
