//! What a closure given to [`Store::commit`](crate::Store::commit) can do: read, write, count up, keep a journal.
//!
//! Everything goes into the transaction's own overlay; nothing reaches the store unless the closure succeeds. Reads see
//! the own overlay first, then that of the group the transaction is committed with, then the store.

use std::ops::RangeBounds;

use crate::codec::{self, MAX_KEY_BYTES, Stored};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::key::{AsKey, TableKey};
use crate::merge::{MergedRows, merge};
use crate::numbers::{META, Numbers};
use crate::overlay::Overlay;
use crate::sequence::Sequence;
use crate::table::{SledRange, Table};
use crate::value::TableValue;

/// Runs on the commit thread once its transaction is on the disk.
pub(crate) type AfterDurable = Box<dyn FnOnce(Sequence) + Send>;

/// One transaction, alive while its closure runs.
pub struct Transaction<'a> {
    engine: &'a Engine,
    group: &'a Overlay,
    generation: u32,
    changes: Changes,
}

/// What a transaction wants done.
pub(crate) struct Changes {
    pub(crate) overlay: Overlay,
    pub(crate) numbers: Numbers,
    pub(crate) after_durable: Vec<AfterDurable>,
    pub(crate) journaled: bool,
}

impl<'a> Transaction<'a> {
    /// The transaction after `numbers`, on top of `group`.
    pub(crate) fn begin(engine: &'a Engine, group: &'a Overlay, numbers: &Numbers) -> Self {
        let mut numbers = numbers.clone();
        numbers.sequence = numbers.sequence.next();
        Self {
            engine,
            group,
            generation: 0,
            changes: Changes { overlay: Overlay::default(), numbers, after_durable: Vec::new(), journaled: false },
        }
    }

    /// What the closure has asked for.
    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    /// This transaction's number. If the closure fails, the next transaction gets it.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.changes.numbers.sequence
    }

    /// Stamps the rows that are put from now on with this generation (0 until set).
    pub fn generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    /// Keys and values that this transaction has written so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.changes.overlay.bytes()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where the stored value is damaged; [`Error::Engine`] where sled cannot read.
    pub fn get<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<Option<V>> {
        let key = table.sled_key(key)?;
        if let Some(known) = self.known(&key) {
            return known.map(|value| table.read_value(&key, value)).transpose();
        }
        let value = self.engine.live().get(&key).map_err(Error::engine("read"))?;
        value.map(|value| table.read_value(&key, &value)).transpose()
    }

    /// Whether there is such a row; its value is not looked at.
    ///
    /// # Errors
    /// [`Error::Engine`] where sled cannot read.
    pub fn contains<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<bool> {
        self.exists(&table.sled_key(key)?)
    }

    /// Writes a row, replacing the one that is there.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] and [`Error::ValueTooLarge`]; [`Error::Engine`] where sled cannot read.
    pub fn put<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &mut self,
        table: &Table<K, V>,
        key: &Q,
        value: &V,
    ) -> Result<()> {
        let key = table.sled_key(key)?;
        let payload = table.payload(value)?;
        self.put_payload(table.id(), key, &payload)
    }

    /// Removes a row; whether there was one.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`]; [`Error::Engine`] where sled cannot read.
    pub fn remove<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &mut self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<bool> {
        self.remove_key(table.id(), table.sled_key(key)?)
    }

    /// The rows of a range, in the order of their keys, with this transaction's own changes.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] for a bound; the iterator yields [`Error::Corrupted`] in place of a damaged row.
    pub fn range<K: TableKey, V: TableValue>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<MergedRows<'_, K, V>> {
        Ok(self.merged(table, &table.sled_range(&range)?))
    }

    /// The keys of a range in their order, with this transaction's own changes. Values are not looked at, so that damaged rows can be found and
    /// removed.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] for a bound; the iterator yields [`Error::Corrupted`] for a malformed key.
    pub fn keys<K: TableKey, V: TableValue>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<impl Iterator<Item = Result<K>>> {
        let table = *table;
        let rows = merge(self.engine, self.group, &self.changes.overlay, &table.sled_range(&range)?);
        Ok(rows.map(move |row| {
            let (key, _) = row?;
            K::decode(key.get(1..).unwrap_or_default())
                .ok_or_else(|| table.corrupted(&key, "the key is malformed".to_owned()))
        }))
    }

    /// All rows of a table, in the order of their keys, with this transaction's own changes.
    #[must_use]
    pub fn scan<K: TableKey, V: TableValue>(&self, table: &Table<K, V>) -> MergedRows<'_, K, V> {
        self.merged(table, &table.sled_prefix(&[]))
    }

    /// The rows whose key begins with `prefix`, in the order of their keys, with this transaction's own changes.
    #[must_use]
    pub fn prefix<V: TableValue>(&self, table: &Table<String, V>, prefix: &str) -> MergedRows<'_, String, V> {
        self.merged(table, &table.sled_prefix(prefix.as_bytes()))
    }

    /// Takes `n` numbers from a counter and returns the first of them: 0 at first, then on from there. A number is
    /// never given twice, unless the transaction that took it failed.
    ///
    /// # Errors
    /// [`Error::CounterExhausted`] after 2^64 numbers; [`Error::KeyTooLarge`] for a name above 1000 bytes.
    pub fn allocate(&mut self, counter: &'static str, n: u64) -> Result<u64> {
        const LONGEST_NAME: usize = 1000;
        const { assert!(LONGEST_NAME + "counter/".len() <= MAX_KEY_BYTES) };
        if counter.len() > LONGEST_NAME {
            return Err(Error::KeyTooLarge {
                table: META.name().to_owned(),
                found: counter.len(),
                limit: LONGEST_NAME,
            });
        }
        self.changes.numbers.allocate(counter, n)
    }

    /// Lets a counter go on from `next` at least; for whoever writes rows whose numbers were given elsewhere.
    pub fn raise(&mut self, counter: &'static str, next: u64) {
        self.changes.numbers.raise(counter, next);
    }

    /// Has `callback` run on the commit thread once this transaction is on the disk, before its waiter is released, and
    /// after the callbacks of all earlier transactions. It must not commit; a panic in it poisons the store.
    pub fn after_durable(&mut self, callback: impl FnOnce(Sequence) + Send + 'static) {
        self.changes.after_durable.push(Box::new(callback));
    }

    /// Writes a row whose key and payload are within their limits.
    pub(crate) fn put_payload(&mut self, table: u8, key: Vec<u8>, payload: &[u8]) -> Result<()> {
        let existed = self.exists(&key)?;
        let stored = Stored { sequence: self.sequence(), generation: self.generation, payload };
        let value = codec::encode(table, key.get(1..).unwrap_or_default(), stored);
        self.changes.overlay.set(key, Some(value));
        self.changes.numbers.count(table, existed, true);
        Ok(())
    }

    /// Removes the row of a sled key; whether there was one.
    pub(crate) fn remove_key(&mut self, table: u8, key: Vec<u8>) -> Result<bool> {
        let existed = self.exists(&key)?;
        if existed {
            self.changes.overlay.set(key, None);
            self.changes.numbers.count(table, true, false);
        }
        Ok(existed)
    }

    /// The keys of a range, at most `limit` of them; their values are not looked at.
    pub(crate) fn sled_keys(&self, range: &SledRange, limit: usize) -> Result<Vec<Vec<u8>>> {
        merge(self.engine, self.group, &self.changes.overlay, range)
            .take(limit)
            .map(|row| row.map(|(key, _)| key.to_vec()))
            .collect()
    }

    /// Notes the one journal entry; `false` where there already is one.
    pub(crate) fn begin_journal_entry(&mut self) -> bool {
        !std::mem::replace(&mut self.changes.journaled, true)
    }

    fn merged<K: TableKey, V: TableValue>(&self, table: &Table<K, V>, range: &SledRange) -> MergedRows<'_, K, V> {
        let rows = merge(self.engine, self.group, &self.changes.overlay, range);
        MergedRows::new(*table, rows)
    }

    /// What the overlays know of a key.
    fn known(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.changes.overlay.get(key).or_else(|| self.group.get(key))
    }

    fn exists(&self, key: &[u8]) -> Result<bool> {
        match self.known(key) {
            Some(known) => Ok(known.is_some()),
            None => self.engine.live().contains_key(key).map_err(Error::engine("read")),
        }
    }
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction")
            .field("sequence", &self.sequence())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
