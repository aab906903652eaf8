//! The front door: a database's store, shared by all who hold a clone.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError};

use crossbeam_channel::bounded;

use crate::commit::CommitThread;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::key::{AsKey, TableKey};
use crate::manifest::Manifest;
use crate::mirror;
use crate::options::StoreOptions;
use crate::recovery::{self, Mode};
use crate::rows::Rows;
use crate::sequence::Sequence;
use crate::submission::{Committed, Pending, submission};
use crate::table::Table;
use crate::transaction::Transaction;
use crate::upgrade::{Upgrade, upgrade};
use crate::value::TableValue;

/// An open store. Clones share it; dropping the last one finishes what was accepted, writes everything out and notes a
/// clean stop. (An iterator over it, or a closure that holds one, counts as a clone.)
///
/// Readers see a transaction's rows as soon as they are in sled, all at once, a moment before they are on the disk;
/// [`Store::commit`] returns only after that.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Dropped first: the thread closes the store before the engine lets go of it.
    commit_thread: CommitThread,
    engine: Arc<Engine>,
    upgrade: OnceLock<Upgrade>,
}

impl Store {
    /// Opens the store of the database in `dir`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none; [`Error::Locked`] while it is open elsewhere;
    /// [`Error::UnsupportedFormat`] for a newer one; [`Error::Damaged`]; [`Error::Io`].
    pub fn open(dir: impl AsRef<Path>, options: StoreOptions) -> Result<Self> {
        Self::start(dir.as_ref(), Mode::Open, &options)
    }

    /// Makes a new database in `dir`, whose manifest has these fields, and opens it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`]; [`Error::InvalidField`]; otherwise those of [`Store::open`].
    pub fn create(dir: impl AsRef<Path>, fields: BTreeMap<String, String>, options: StoreOptions) -> Result<Self> {
        Self::start(dir.as_ref(), Mode::Create(fields), &options)
    }

    /// Opens the database in `dir`, or makes one with these fields where there is none. Whether the fields of one that
    /// was there suit is for the caller to look at.
    ///
    /// # Errors
    /// [`Error::InvalidField`]; otherwise those of [`Store::open`].
    pub fn open_or_create(
        dir: impl AsRef<Path>,
        fields: BTreeMap<String, String>,
        options: StoreOptions,
    ) -> Result<Self> {
        Self::start(dir.as_ref(), Mode::OpenOrCreate(fields), &options)
    }

    fn start(dir: &Path, mode: Mode, options: &StoreOptions) -> Result<Self> {
        let (engine, numbers) = recovery::open(dir, mode, options)?;
        let engine = Arc::new(engine);
        let commit_thread = CommitThread::start(Arc::clone(&engine), numbers)?;
        let store = Self { inner: Arc::new(Inner { commit_thread, engine, upgrade: OnceLock::new() }) };
        if let Some(upgrade) = upgrade(&store)? {
            let _ = store.inner.upgrade.set(upgrade);
        }
        Ok(store)
    }

    /// What was done on opening to bring a database of an earlier format up to date.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.inner.upgrade.get()
    }

    /// Runs a closure as one transaction and waits until it is on the disk.
    ///
    /// All closures run on one thread, one after another, each seeing what the ones before it have written: reading a
    /// row and writing it back needs no lock. Keep them short: encode and parse before.
    ///
    /// # Errors
    /// The closure's own error: nothing of the transaction is kept. [`Error::Internal`] where it panicked, or where this
    /// is called from a closure or callback of another transaction. [`Error::WriteFailed`] where the disk failed, and
    /// [`Error::Poisoned`] ever after.
    pub fn commit<T, E>(
        &self,
        closure: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Committed<T>, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.submit(closure).wait()
    }

    /// Hands a closure over as one transaction, to be waited for later. Transactions are numbered in the order in which
    /// one thread submits them. Waits itself only while 256 others are queued.
    pub fn submit<T, E>(
        &self,
        closure: impl FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, pending) = submission(closure);
        self.inner.commit_thread.submit(job);
        pending
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`Error::Corrupted`] where the stored value is damaged; [`Error::KeyTooLarge`]; [`Error::Engine`] where sled
    /// cannot read.
    pub fn get<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<Option<V>> {
        let key = table.sled_key(key)?;
        let value = self.engine().live().get(&key).map_err(Error::engine("read"))?;
        value.map(|value| table.read_value(&key, &value)).transpose()
    }

    /// Whether there is such a row; its value is not looked at.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`]; [`Error::Engine`] where sled cannot read.
    pub fn contains<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<bool> {
        let key = table.sled_key(key)?;
        self.engine().live().contains_key(key).map_err(Error::engine("read"))
    }

    /// The transaction that wrote a row; `None` where there is no such row.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn sequence_of<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
        &self,
        table: &Table<K, V>,
        key: &Q,
    ) -> Result<Option<Sequence>> {
        let key = table.sled_key(key)?;
        let value = self.engine().live().get(&key).map_err(Error::engine("read"))?;
        value.map(|value| Ok(table.read_stored(&key, &value)?.sequence)).transpose()
    }

    /// The rows of a range, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::KeyTooLarge`] for a bound; the iterator yields [`Error::Corrupted`] in place of a damaged row.
    pub fn range<K: TableKey, V: TableValue>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<Rows<K, V>> {
        Ok(Rows::new(self, *table, &table.sled_range(&range)?))
    }

    /// All rows of a table, in the order of their keys.
    #[must_use]
    pub fn scan<K: TableKey, V: TableValue>(&self, table: &Table<K, V>) -> Rows<K, V> {
        Rows::new(self, *table, &table.sled_prefix(&[]))
    }

    /// The rows whose key begins with `prefix`, in the order of their keys.
    #[must_use]
    pub fn prefix<V: TableValue>(&self, table: &Table<String, V>, prefix: &str) -> Rows<String, V> {
        Rows::new(self, *table, &table.sled_prefix(prefix.as_bytes()))
    }

    /// How many rows a table has. Kept with every transaction, so this costs nothing.
    #[must_use]
    pub fn count<K, V>(&self, table: &Table<K, V>) -> u64 {
        self.engine().count(table.id())
    }

    /// The last transaction whose rows readers see.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.engine().visible()
    }

    /// The last transaction that is on the disk.
    #[must_use]
    pub fn durable_sequence(&self) -> Sequence {
        self.engine().durable()
    }

    /// Whether the last process to have this database open did not close it. Every acknowledged transaction is there
    /// all the same; a [`Store::verify`] in the background is in order.
    #[must_use]
    pub fn recovered_from_crash(&self) -> bool {
        self.engine().recovered
    }

    /// The database's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.engine().dir
    }

    /// The manifest as it is now.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let manifest = &self.engine().manifest;
        manifest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the manifest's fields, durably and as a whole.
    ///
    /// # Errors
    /// [`Error::InvalidField`]; [`Error::Poisoned`] after a failed write; [`Error::Io`], after which the old fields hold.
    pub fn replace_fields(&self, fields: BTreeMap<String, String>) -> Result<()> {
        self.replace_manifest(|manifest| Manifest { fields, ..manifest.clone() })
    }

    /// Replaces the manifest, and what the store knows of it.
    pub(crate) fn replace_manifest(&self, change: impl FnOnce(&Manifest) -> Manifest) -> Result<()> {
        // While writes hold still, since a compaction replaces the manifest, too.
        self.hold_still(|engine| {
            let mut manifest = engine.manifest.write().unwrap_or_else(PoisonError::into_inner);
            let changed = change(&manifest);
            changed.write(self.path())?;
            *manifest = changed;
            Ok::<(), Error>(())
        })??;
        self.mirror_manifest()
    }

    /// Keeps the manifest in the store as well, so that a lost FORMAT can be made again.
    pub(crate) fn mirror_manifest(&self) -> Result<()> {
        let text = self.manifest().render()?;
        self.commit::<(), Error>(move |transaction| mirror::put(transaction, &text)).map(drop)
    }

    /// Whether the store still takes writes: to be asked before the reads that come before a write, which may fail for the same reason and
    /// say less.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write.
    pub fn check_writable(&self) -> Result<()> {
        self.engine().poison.check()
    }

    /// Runs `work` while the commit thread waits: all that is acknowledged is in the store, and nothing else is written.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write; [`Error::Internal`] where the commit thread has gone.
    pub(crate) fn hold_still<R>(&self, work: impl FnOnce(&Engine) -> R) -> Result<R> {
        let (holding, held) = bounded::<()>(1);
        let (release, released) = bounded::<()>(1);
        let pending = self.submit::<(), Error>(move |_| {
            let _ = holding.send(());
            // Ends when the other side is dropped, whatever becomes of the work.
            let _ = released.recv();
            // A transaction that fails is not numbered.
            Err(Error::Internal { reason: "nothing to write".to_owned() })
        });
        if held.recv().is_err() {
            return Err(pending.wait().err().unwrap_or_else(|| Error::Internal { reason: "nobody waits".to_owned() }));
        }
        let result = work(self.engine());
        drop(release);
        let _ = pending.wait();
        Ok(result)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }
}
