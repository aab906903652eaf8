//! The store's own numbers: the last sequence, the live rows of each table, and the counters that hand out ids.
//!
//! They are rows like any other and ride in the same batch as the rows they count, so they cannot disagree after a crash.

use std::collections::BTreeMap;

use crate::codec::{self, Stored};
use crate::error::{Error, Result};
use crate::sequence::Sequence;
use crate::table::Table;
use crate::value::TableValue;

/// The store's numbers by name.
pub(crate) const META: Table<String, u64> = Table::internal(1, "meta");

/// The row of the last transaction.
pub(crate) const SEQUENCE: &str = "sequence";
const COUNT: &str = "count/";
const COUNTER: &str = "counter/";

/// The numbers as of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Of the last transaction.
    pub(crate) sequence: Sequence,
    /// Live rows by table, without the meta table itself.
    pub(crate) counts: BTreeMap<u8, u64>,
    counters: BTreeMap<String, u64>,
}

impl Numbers {
    /// Takes the numbers from the rows of the meta table; rows of unknown name are left alone.
    pub(crate) fn load(rows: impl Iterator<Item = Result<(String, u64)>>) -> Result<Self> {
        let mut numbers = Self::default();
        for row in rows {
            let (name, value) = row?;
            if name == SEQUENCE {
                numbers.sequence = Sequence(value);
            } else if let Some(table) = name.strip_prefix(COUNT).and_then(|id| id.parse().ok()) {
                numbers.counts.insert(table, value);
            } else if let Some(counter) = name.strip_prefix(COUNTER) {
                numbers.counters.insert(counter.to_owned(), value);
            }
        }
        Ok(numbers)
    }

    /// Takes over a counter from a row of the meta table, unless it is further already; other rows are left alone.
    pub(crate) fn raise_from_row(&mut self, key: &[u8], payload: &[u8]) {
        let counter = std::str::from_utf8(key).ok().and_then(|name| name.strip_prefix(COUNTER));
        if let (Some(counter), Ok(next)) = (counter, u64::decode(payload)) {
            self.raise(counter, next);
        }
    }

    /// All numbers as rows for sled.
    pub(crate) fn rows(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        self.rows_since(&Self::default())
    }

    /// The rows for sled that differ from `earlier`.
    pub(crate) fn rows_since(&self, earlier: &Self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let row = |(name, value): (String, u64)| {
            let stored = Stored { sequence: self.sequence, generation: 0, payload: &META.payload(&value)? };
            Ok((META.sled_key(&name)?, codec::encode(META.id(), name.as_bytes(), stored)))
        };
        self.changed_since(earlier).into_iter().map(row).collect()
    }

    /// The rows that differ from `earlier`.
    fn changed_since(&self, earlier: &Self) -> Vec<(String, u64)> {
        let mut rows = Vec::new();
        if self.sequence != earlier.sequence {
            rows.push((SEQUENCE.to_owned(), self.sequence.0));
        }
        for (table, count) in &self.counts {
            if earlier.counts.get(table) != Some(count) {
                rows.push((format!("{COUNT}{table:03}"), *count));
            }
        }
        for (name, next) in &self.counters {
            if earlier.counters.get(name) != Some(next) {
                rows.push((format!("{COUNTER}{name}"), *next));
            }
        }
        rows
    }

    /// Notes that a row of `table` came or went.
    pub(crate) fn count(&mut self, table: u8, existed: bool, exists: bool) {
        let count = self.counts.entry(table).or_default();
        match (existed, exists) {
            (false, true) => *count = count.saturating_add(1),
            (true, false) => *count = count.saturating_sub(1),
            _ => {}
        }
    }

    /// Lets a counter go on from `next` at least.
    pub(crate) fn raise(&mut self, counter: &str, next: u64) {
        let counter = self.counters.entry(counter.to_owned()).or_default();
        *counter = next.max(*counter);
    }

    /// Takes `n` numbers from a counter and returns the first of them.
    pub(crate) fn allocate(&mut self, counter: &'static str, n: u64) -> Result<u64> {
        let next = self.counters.entry(counter.to_owned()).or_default();
        let first = *next;
        *next = first.checked_add(n).ok_or(Error::CounterExhausted { counter, asked: n })?;
        Ok(first)
    }
}

/// The table and its number of rows, where a row of the meta table says so.
pub(crate) fn count_of_row(key: &[u8], payload: &[u8]) -> Option<(u8, u64)> {
    let table = std::str::from_utf8(key).ok()?.strip_prefix(COUNT)?.parse().ok()?;
    Some((table, u64::decode(payload).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_come_back_from_their_rows() {
        let mut numbers = Numbers { sequence: Sequence(9), ..Numbers::default() };
        numbers.count(16, false, true);
        numbers.count(16, false, true);
        numbers.count(16, true, false);
        numbers.count(200, true, true);
        assert_eq!(numbers.allocate("documents", 5).unwrap(), 0);
        assert_eq!(numbers.allocate("documents", 1).unwrap(), 5);
        let rows = numbers.changed_since(&Numbers::default());
        assert_eq!(rows.len(), 4);
        assert_eq!(Numbers::load(rows.into_iter().map(Ok)).unwrap(), numbers);
        assert!(numbers.changed_since(&numbers).is_empty());
    }

    #[test]
    fn a_counter_never_wraps() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.allocate("c", u64::MAX).unwrap(), 0);
        assert!(numbers.allocate("c", 1).is_err());
        assert_eq!(numbers.allocate("c", 0).unwrap(), u64::MAX);
    }
}
