//! sled, open in one folder: the tree and, for syncing, its file.
//!
//! Readers hold on to the store they began with, so a compaction can put another one in its place while they read; the
//! folder of the old one goes when the last of them has let go.

use std::fs::{self, File, OpenOptions};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, panic_message};

/// What to do about a damaged store.
pub(crate) const RESTORE: &str =
    "`neodex repair` saves what is readable; a snapshot, or the sources it was made from, bring back the rest";

/// An open sled.
#[derive(Debug)]
pub(crate) struct Live {
    // In an option so that it goes before the folder does.
    tree: Option<sled::Db>,
    log: File,
    folder: PathBuf,
    outdated: AtomicBool,
}

impl Live {
    /// Opens sled in `folder`, making it if there is none.
    pub(crate) fn open(folder: &Path, cache_capacity_bytes: u64) -> Result<Self> {
        let tree = open_sled(folder, cache_capacity_bytes)?;
        let path = folder.join("db");
        let log = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
        Ok(Self { tree: Some(tree), log, folder: folder.to_path_buf(), outdated: AtomicBool::new(false) })
    }

    /// The file that has to be synced after a flush.
    pub(crate) fn log(&self) -> &File {
        &self.log
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Closes sled; nothing can be read any more.
    pub(crate) fn close(&mut self) {
        self.tree = None;
    }

    /// Another store has taken its place: the folder goes with the last reader.
    pub(crate) fn outdate(&self) {
        self.outdated.store(true, Ordering::Release);
    }
}

impl Deref for Live {
    type Target = sled::Tree;

    #[expect(clippy::expect_used, reason = "whoever closes one owns it and does nothing else with it")]
    fn deref(&self) -> &sled::Tree {
        self.tree.as_deref().expect("open until closed")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.tree = None;
        if self.outdated.load(Ordering::Acquire) {
            // What stays is swept by the next opener.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Removes what sled keeps beside its log, `conf` and `snap.*`; whether there was any.
pub(crate) fn remove_derived(folder: &Path) -> Result<bool> {
    let mut removed = false;
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == "conf" || name.starts_with("snap.") {
            fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
            removed = true;
        }
    }
    Ok(removed)
}

/// Opens sled, turning its panics into errors and waiting for a moment where this process has only just closed it.
fn open_sled(path: &Path, cache_capacity_bytes: u64) -> Result<sled::Db> {
    const PATIENCE: Duration = Duration::from_secs(3);
    let config =
        sled::Config::new().path(path).cache_capacity(cache_capacity_bytes).use_compression(false).flush_every_ms(None);
    let start = Instant::now();
    loop {
        let damaged = |what: &str| Error::damaged(path, format!("sled cannot open it ({what}); {RESTORE}"));
        match neodex_guard::call(|| config.open()) {
            Ok(Ok(db)) => return Ok(db),
            // The folder's lock is ours, so this is sled's last instance in this process on its way out.
            Ok(Err(sled::Error::Io(error)))
                if error.to_string().contains("could not acquire lock") && start.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(Err(sled::Error::Io(error))) => return Err(Error::io("open", path)(error)),
            Ok(Err(error)) => return Err(damaged(&error.to_string())),
            Err(panic) => return Err(damaged(&panic_message(panic.as_ref()))),
        }
    }
}
