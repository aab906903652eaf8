//! Scanning what a transaction sees: the store, the group's changes over it, its own changes over both.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::key::TableKey;
use crate::overlay::Overlay;
use crate::rows::sled_rows;
use crate::table::{SledRange, Table};
use crate::value::TableValue;

/// Bytes of a row, borrowed from an overlay or shared with sled.
#[derive(Debug)]
pub(crate) enum Bytes<'a> {
    Pending(&'a [u8]),
    Stored(sled::IVec),
}

impl std::ops::Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Pending(bytes) => bytes,
            Self::Stored(bytes) => bytes,
        }
    }
}

/// Raw rows of a range, in the order of their keys.
pub(crate) struct Merged<'a> {
    newer: Peekable<btree_map::IntoIter<&'a [u8], Option<&'a [u8]>>>,
    older: Option<Peekable<sled::Iter>>,
}

/// The rows of `range`: `own` hides `group`, which hides the store. The pending rows of the range are gathered up front.
pub(crate) fn merge<'a>(engine: &Engine, group: &'a Overlay, own: &'a Overlay, range: &SledRange) -> Merged<'a> {
    let newer: BTreeMap<_, _> = group.range(range).chain(own.range(range)).collect();
    Merged { newer: newer.into_iter().peekable(), older: sled_rows(&engine.live(), range).map(Iterator::peekable) }
}

impl<'a> Iterator for Merged<'a> {
    type Item = Result<(Bytes<'a>, Bytes<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let older = self.older.as_mut().and_then(Peekable::peek);
            let pending_first = match (self.newer.peek(), older) {
                (None, None) => return None,
                (Some((newer, _)), Some(Ok((older, _)))) => *newer <= &**older,
                (Some(_), None) => true,
                (_, Some(_)) => false,
            };
            if !pending_first {
                return match self.older.as_mut()?.next()? {
                    Ok((key, value)) => Some(Ok((Bytes::Stored(key), Bytes::Stored(value)))),
                    Err(error) => {
                        self.older = None;
                        self.newer = BTreeMap::new().into_iter().peekable();
                        Some(Err(Error::engine("scan")(error)))
                    }
                };
            }
            let (key, value) = self.newer.next()?;
            if let Some(older) = &mut self.older {
                older.next_if(|row| matches!(row, Ok((older, _)) if **older == *key));
            }
            if let Some(value) = value {
                return Some(Ok((Bytes::Pending(key), Bytes::Pending(value))));
            }
        }
    }
}

/// Rows of a table as a transaction sees them, in the order of their keys. After an [`Error::Engine`] there are no more.
pub struct MergedRows<'a, K, V> {
    table: Table<K, V>,
    rows: Merged<'a>,
}

impl<'a, K, V> MergedRows<'a, K, V> {
    pub(crate) fn new(table: Table<K, V>, rows: Merged<'a>) -> Self {
        Self { table, rows }
    }
}

impl<K: TableKey, V: TableValue> Iterator for MergedRows<'_, K, V> {
    type Item = Result<(K, V)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        Some(row.and_then(|(key, value)| self.table.read_row(&key, &value)))
    }
}

impl<K, V> std::fmt::Debug for MergedRows<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MergedRows of {:?}", self.table)
    }
}
