//! The journal: at most one entry a transaction, from which the indexes catch up with the store.
//!
//! An entry is its length (u32, little-endian) and its payload, cut into rows `(sequence, part)`; the length tells
//! whether all parts are there.

use std::ops::Bound;

use crate::codec::MAX_PAYLOAD_BYTES;
use crate::error::{Error, Result};
use crate::parts::split;
use crate::rows::Rows;
use crate::sequence::Sequence;
use crate::store::Store;
use crate::table::Table;
use crate::transaction::Transaction;

/// The rows of the journal.
pub(crate) const JOURNAL: Table<(u64, u32), Vec<u8>> = Table::internal(0, "journal");

/// Rows removed in one transaction of a trim, so that writers wait for none too long.
const TRIM_ROWS: usize = 4096;

impl Transaction<'_> {
    /// Writes this transaction's journal entry, of any length.
    ///
    /// # Errors
    /// [`Error::SecondJournalEntry`] where there is one already; [`Error::ValueTooLarge`] from 4 GiB on;
    /// [`Error::Engine`] where sled cannot read.
    pub fn journal(&mut self, payload: &[u8]) -> Result<()> {
        let sequence = self.sequence().0;
        if !self.begin_journal_entry() {
            return Err(Error::SecondJournalEntry { sequence });
        }
        let length = u32::try_from(payload.len()).map_err(|_| Error::ValueTooLarge {
            table: JOURNAL.name().to_owned(),
            found: payload.len(),
            limit: u32::MAX as usize,
        })?;
        let entry = [&length.to_le_bytes(), payload].concat();
        for (part, bytes) in split(&entry) {
            let key = JOURNAL.sled_key(&(sequence, part))?;
            self.put_payload(JOURNAL.id(), key, bytes)?;
        }
        Ok(())
    }
}

impl Store {
    /// The journal's entries after `sequence`, oldest first. After an error there are no more: what follows a damaged
    /// entry cannot be applied.
    ///
    /// # Errors
    /// [`Error::Corrupted`] for an incomplete or damaged entry, [`Error::Engine`] where sled cannot read, both from the
    /// iterator.
    pub fn journal_since(&self, sequence: Sequence) -> Result<JournalEntries> {
        let after = (Bound::Excluded((sequence.0, u32::MAX)), Bound::Unbounded);
        Ok(JournalEntries { rows: Some(self.range(&JOURNAL, after)?) })
    }

    /// The journal's entries that are whole, oldest first, whatever is missing between them: what a repair can still learn
    /// from it. Applying them would not do.
    ///
    /// # Errors
    /// [`Error::Engine`] where sled cannot read.
    pub fn journal_remains(&self) -> Result<Vec<(Sequence, Vec<u8>)>> {
        let mut entries = Vec::new();
        let mut entry = Assembly::default();
        for row in self.scan(&JOURNAL) {
            let ((sequence, part), bytes) = match row {
                Ok(row) => row,
                Err(Error::Corrupted { .. }) => continue,
                Err(error) => return Err(error),
            };
            if sequence != entry.sequence().0 {
                entry = Assembly::default();
            }
            match entry.add(sequence, part, &bytes) {
                Ok(None) => continue,
                Ok(Some(payload)) => entries.push((Sequence(sequence), payload)),
                Err(_) => {}
            }
            entry = Assembly::default();
        }
        Ok(entries)
    }

    /// Removes the journal's entries up to and with `up_to`; returns how many rows went.
    ///
    /// # Errors
    /// Those of [`Store::commit`].
    pub fn trim_journal(&self, up_to: Sequence) -> Result<u64> {
        let range = JOURNAL.sled_range(&((0, 0)..=(up_to.0, u32::MAX)))?;
        let mut removed = 0;
        loop {
            if self.engine().is_range_empty(&range)? {
                return Ok(removed);
            }
            let range = range.clone();
            removed += self
                .commit::<u64, Error>(move |transaction| {
                    let mut removed = 0;
                    for key in transaction.sled_keys(&range, TRIM_ROWS)? {
                        removed += u64::from(transaction.remove_key(JOURNAL.id(), key)?);
                    }
                    Ok(removed)
                })?
                .value;
        }
    }
}

/// Entries of the journal, oldest first.
#[derive(Debug)]
pub struct JournalEntries {
    rows: Option<Rows<(u64, u32), Vec<u8>>>,
}

impl Iterator for JournalEntries {
    type Item = Result<(Sequence, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = Assembly::default();
        loop {
            let row = match self.rows.as_mut()?.next() {
                None if entry.is_empty() => return None,
                None => Err(entry.incomplete()),
                Some(Ok(((sequence, part), bytes))) => entry.add(sequence, part, &bytes),
                Some(Err(error)) => Err(error),
            };
            match row {
                Ok(None) => {}
                Ok(Some(payload)) => return Some(Ok((entry.sequence(), payload))),
                Err(error) => {
                    self.rows = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// An entry on its way from its rows.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    sequence: u64,
    parts: u32,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Adds the next row; the payload once it is complete.
    pub(crate) fn add(&mut self, sequence: u64, part: u32, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
        if self.is_empty() {
            self.sequence = sequence;
        }
        if (sequence, part) != (self.sequence, self.parts) {
            return Err(self.incomplete());
        }
        self.parts += 1;
        self.bytes.extend_from_slice(bytes);
        let Some((length, payload)) = self.bytes.split_first_chunk() else {
            return Err(self.incomplete());
        };
        let length = u32::from_le_bytes(*length) as usize;
        match payload.len() {
            found if found == length => Ok(Some(payload.to_vec())),
            found if found < length && bytes.len() == MAX_PAYLOAD_BYTES => Ok(None),
            _ => Err(self.incomplete()),
        }
    }

    /// Whether no row was added yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts == 0
    }

    /// The entry's transaction.
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence(self.sequence)
    }

    /// The error for an entry whose next row is not there.
    pub(crate) fn incomplete(&self) -> Error {
        Error::Corrupted {
            table: JOURNAL.name().to_owned(),
            key: format!("({}, {})", self.sequence, self.parts),
            reason: "this part of the entry is missing".to_owned(),
        }
    }
}
