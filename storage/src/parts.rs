//! Long byte strings, cut into rows: part 0, 1, 2, ... under one id, each as long as a row can be but the last.

use crate::codec::MAX_PAYLOAD_BYTES;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::table::Table;
use crate::transaction::Transaction;

/// A table of long byte strings: `(id, part)` to at most [`MAX_PAYLOAD_BYTES`] of them.
pub type PartTable = Table<(u64, u32), Vec<u8>>;

/// How many parts this many bytes make.
#[must_use]
pub const fn part_count(bytes: usize) -> usize {
    bytes.div_ceil(MAX_PAYLOAD_BYTES)
}

impl Transaction<'_> {
    /// Writes a byte string in place of the one under this id; returns in how many parts (0 for an empty one). The
    /// caller keeps that number: without it, a lost last part could not be told from a shorter string.
    ///
    /// # Errors
    /// [`Error::ValueTooLarge`] beyond 2^32 parts; [`Error::Engine`] where sled cannot read.
    pub fn put_parts(&mut self, table: &PartTable, id: u64, bytes: &[u8]) -> Result<u32> {
        let parts = u32::try_from(part_count(bytes.len())).map_err(|_| Error::ValueTooLarge {
            table: table.name().to_owned(),
            found: bytes.len(),
            limit: MAX_PAYLOAD_BYTES.saturating_mul(u32::MAX as usize),
        })?;
        for (part, payload) in (0..parts).zip(bytes.chunks(MAX_PAYLOAD_BYTES)) {
            let key = table.sled_key(&(id, part))?;
            self.put_payload(table.id(), key, payload)?;
        }
        self.remove_parts_from(table, id, parts)?;
        Ok(parts)
    }

    /// Removes the byte string under this id; returns how many parts it had.
    ///
    /// # Errors
    /// [`Error::Engine`] where sled cannot read.
    pub fn remove_parts(&mut self, table: &PartTable, id: u64) -> Result<u32> {
        self.remove_parts_from(table, id, 0)
    }

    /// Reads the byte string of `parts` parts under this id, as this transaction sees it.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where a part is missing or damaged; [`Error::Engine`] where sled cannot read.
    pub fn get_parts(&self, table: &PartTable, id: u64, parts: u32) -> Result<Vec<u8>> {
        join(table, id, parts, self.range(table, (id, 0)..(id, parts))?)
    }

    fn remove_parts_from(&mut self, table: &PartTable, id: u64, first: u32) -> Result<u32> {
        let range = table.sled_range(&((id, first)..=(id, u32::MAX)))?;
        let keys = self.sled_keys(&range, usize::MAX)?;
        let mut removed = 0;
        for key in keys {
            removed += u32::from(self.remove_key(table.id(), key)?);
        }
        Ok(removed)
    }
}

impl Store {
    /// Reads the byte string of `parts` parts under this id.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where a part is missing or damaged; [`Error::Engine`] where sled cannot read.
    pub fn get_parts(&self, table: &PartTable, id: u64, parts: u32) -> Result<Vec<u8>> {
        join(table, id, parts, self.range(table, (id, 0)..(id, parts))?)
    }
}

/// Joins the parts 0 to `parts` from rows that should be exactly those.
fn join(
    table: &PartTable,
    id: u64,
    parts: u32,
    rows: impl Iterator<Item = Result<((u64, u32), Vec<u8>)>>,
) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut next = 0;
    for row in rows {
        let ((_, part), payload) = row?;
        if part != next {
            break;
        }
        bytes.extend_from_slice(&payload);
        next += 1;
    }
    if next == parts {
        return Ok(bytes);
    }
    Err(table.corrupted(&table.sled_key(&(id, next))?, format!("part {next} of {parts} is missing")))
}

/// Cuts bytes into rows of a table of another shape, each `(part, payload)`.
pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (0u32..).zip(bytes.chunks(MAX_PAYLOAD_BYTES))
}
