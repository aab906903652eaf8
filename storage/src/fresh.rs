//! A new store beside whatever is there: filled in silence, then given its place by one small file.
//!
//! It is made under the name `store.new`, which nothing else reads. In a folder without a database FORMAT is written
//! first and the store gets its name after it (the next opener finishes that); beside an existing store it gets its name
//! first, and FORMAT, which says which store counts, is written last. A crash at any moment leaves the old or the new.

use std::fs;
use std::path::{Path, PathBuf};

use crate::copy::Target;
use crate::durability::{create_directory, remove_directory, rename, sync_files};
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::identity::DatabaseId;
use crate::kept::KEEPING;
use crate::live::Live;
use crate::manifest::{FIRST_STORE, Manifest, is_store_name, stores};
use crate::mirror;
use crate::sequence::Sequence;

/// The name of a store that is not complete.
pub(crate) const UNFINISHED: &str = "store.new";
/// Bytes handed to sled at once.
const BATCH_BYTES: usize = 1 << 20;

/// See the module.
pub(crate) struct Fresh<'d> {
    dir: &'d Path,
    live: Live,
    batch: sled::Batch,
    batch_bytes: usize,
    cache_capacity_bytes: u64,
}

impl<'d> Fresh<'d> {
    /// Begins an empty one in the database's folder, whose lock the caller holds.
    pub(crate) fn begin(dir: &'d Path, cache_capacity_bytes: u64) -> Result<Self> {
        let folder = dir.join(UNFINISHED);
        remove_directory(&folder)?;
        create_directory(&folder)?;
        let live = Live::open(&folder, cache_capacity_bytes)?;
        Ok(Self { dir, live, batch: sled::Batch::default(), batch_bytes: 0, cache_capacity_bytes })
    }

    /// The rows so far; those in the current batch are handed over first.
    pub(crate) fn tree(&mut self) -> Result<&sled::Tree> {
        self.apply()?;
        Ok(&self.live)
    }

    /// Makes the store of a database that is not there yet, and the database with it.
    pub(crate) fn found(mut self, manifest: &Manifest, sequence: Sequence) -> Result<()> {
        let folder = self.complete(manifest, sequence)?;
        manifest.write(self.dir)?;
        rename(&folder, &self.dir.join(FIRST_STORE))
    }

    /// Gives the store its name beside the database's own, without making it the one that counts. The manifest that would.
    pub(crate) fn name(mut self, manifest: &Manifest, sequence: Sequence) -> Result<(Manifest, Live)> {
        let number = stores(self.dir).iter().map(|name| number(name)).max().unwrap_or_default();
        let manifest = Manifest { store: format!("{FIRST_STORE}.{}", number + 1), ..manifest.clone() };
        let (dir, cache) = (self.dir, self.cache_capacity_bytes);
        let folder = self.complete(&manifest, sequence)?;
        let named = dir.join(&manifest.store);
        rename(&folder, &named)?;
        reach("compact.named");
        Ok((manifest, Live::open(&named, cache)?))
    }

    /// Writes everything to the disk, closes the store and returns its folder.
    fn complete(&mut self, manifest: &Manifest, sequence: Sequence) -> Result<PathBuf> {
        for (key, value) in mirror::rows(manifest, sequence)? {
            self.put(&key, &value)?;
        }
        self.apply()?;
        self.live.flush().map_err(Error::engine("write a new store"))?;
        let folder = self.live.folder().to_path_buf();
        self.live.close();
        // Its log, and what sled keeps beside it: none of them may have a name and no bytes after a power cut.
        sync_files(&folder)?;
        Ok(folder)
    }

    fn apply(&mut self) -> Result<()> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.live.apply_batch(batch).map_err(Error::engine("fill a new store"))
    }

    fn grown(&mut self, bytes: usize) -> Result<()> {
        self.batch_bytes += bytes;
        if self.batch_bytes >= BATCH_BYTES { self.apply() } else { Ok(()) }
    }
}

impl Target for Fresh<'_> {
    fn put(&mut self, sled_key: &[u8], value: &[u8]) -> Result<()> {
        self.batch.insert(sled_key, value);
        self.grown(sled_key.len() + value.len())
    }

    fn remove(&mut self, sled_key: &[u8]) -> Result<()> {
        self.batch.remove(sled_key);
        self.grown(sled_key.len())
    }
}

/// Removes what no manifest speaks of: stores that were replaced, or never finished.
pub(crate) fn sweep(dir: &Path, manifest: &Manifest) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        if name == UNFINISHED || name == KEEPING || is_store_name(&name) && name != manifest.store {
            // What cannot be removed now takes room, and nothing else.
            let _ = fs::remove_dir_all(dir.join(name));
        }
    }
}

/// The number in a store's name; 0 for the first.
fn number(name: &str) -> u64 {
    name.rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// A copy of a manifest under a new id: a database that goes its own way from here.
pub(crate) fn renamed(manifest: &Manifest) -> Manifest {
    Manifest {
        database: DatabaseId::random(),
        store: FIRST_STORE.to_owned(),
        format: manifest.format,
        fields: manifest.fields.clone(),
    }
}
