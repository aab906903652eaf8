//! Making a database anew in the folder of one that may not open: from a snapshot, or from what can be carved out of its
//! files.
//!
//! The new one grows as a complete database of its own in `draft/`, where it can be opened, looked at and put in order
//! like any other. Adopting it moves its store beside the old one and writes one small file. It has an id of its own, so
//! whatever was derived from the old one is made again.

use std::path::{Path, PathBuf};

use crate::durability::{create_directory, remove_directory, rename, replace_file};
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::kept::KEPT;
use crate::lock::Lock;
use crate::manifest::{FIRST_STORE, Manifest, stores};
use crate::numbers::Numbers;
use crate::options::StoreOptions;
use crate::recovery;
use crate::sequence::Sequence;

/// The folder of the new database within that of the old one.
const DRAFT: &str = "draft";
/// In the draft: what becomes of the old store.
const NOTE: &str = "leave";

/// The exclusive hold of a database's folder.
#[derive(Debug)]
pub struct Rebuild {
    pub(crate) dir: PathBuf,
    lock: Lock,
    manifest: Result<Option<Manifest>, String>,
}

impl Rebuild {
    /// Takes hold of the folder `dir`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is neither a database nor what is left of one; [`Error::Locked`] while it is open;
    /// [`Error::UnsupportedFormat`] for a newer one, which is not for this program to touch.
    pub fn begin(dir: &Path) -> Result<Self> {
        let look = |dir: &Path| match Manifest::read(dir) {
            Err(error @ Error::UnsupportedFormat { .. }) => Err(error),
            Err(error) if !stores(dir).is_empty() => Ok(Err(error.to_string())),
            Err(error) => Err(error),
            Ok(None) => Err(Error::NotFound { path: dir.to_path_buf() }),
            Ok(found) => Ok(Ok(found)),
        };
        drop(look(dir)?);
        let lock = Lock::acquire(dir)?;
        // Again, now that nobody else can change it.
        let manifest = look(dir)?;
        if let Ok(Some(manifest)) = &manifest {
            finish(dir, manifest)?;
        }
        Ok(Self { manifest, dir: dir.to_path_buf(), lock })
    }

    /// What FORMAT says, or why it cannot be read.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn manifest(&self) -> Result<&Manifest, &str> {
        match &self.manifest {
            Ok(Some(manifest)) => Ok(manifest),
            Ok(None) => Err("there is none"),
            Err(reason) => Err(reason),
        }
    }

    /// The last transaction that is known to have been on the disk.
    #[must_use]
    pub fn known_sequence(&self) -> Sequence {
        match self.manifest() {
            Ok(manifest) => self.lock.known_sequence(manifest.database),
            Err(_) => Sequence::ZERO,
        }
    }

    /// The folders of the stores that may hold what the database held.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        let mut sources: Vec<PathBuf> = match self.manifest() {
            Ok(manifest) if self.dir.join(&manifest.store).exists() => vec![self.dir.join(&manifest.store)],
            _ => stores(&self.dir).into_iter().map(|name| self.dir.join(name)).collect(),
        };
        // As it was before sled had it.
        sources.extend(Some(self.dir.join(KEPT)).filter(|kept| kept.exists()));
        sources
    }

    /// Where the new database grows.
    #[must_use]
    pub fn draft(&self) -> PathBuf {
        self.dir.join(DRAFT)
    }

    /// An empty folder for the new database.
    pub(crate) fn empty_draft(&self) -> Result<PathBuf> {
        let draft = self.draft();
        remove_directory(&draft)?;
        create_directory(&draft)?;
        Ok(draft)
    }

    /// Puts the new database in the place of the old one. With `keep`, the old store stays, in the folder that is returned.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the new one does not open; [`Error::Io`]. The old one is as it was then.
    pub fn adopt(mut self, keep: bool) -> Result<Option<PathBuf>> {
        let draft = self.draft();
        let (engine, numbers) = recovery::open(&draft, recovery::Mode::Open, &StoreOptions::new())?;
        let Numbers { sequence, .. } = numbers;
        let manifest = engine.manifest.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        drop(engine);
        let old = self.sources();
        let next = stores(&self.dir).iter().filter_map(|name| name.rsplit('.').next()?.parse::<u64>().ok()).max();
        let name = format!("{FIRST_STORE}.{}", next.unwrap_or_default() + 1);
        let leave = Leave { store: name.clone(), keep, folders: old.iter().filter_map(|old| file_name(old)).collect() };
        leave.note(&draft)?;
        rename(&draft.join(&manifest.store), &self.dir.join(&name))?;
        reach("adopt.named");
        let manifest = Manifest { store: name, ..manifest };
        manifest.write(&self.dir)?;
        reach("adopt.switched");
        self.lock.mark_closed(sequence, manifest.database)?;
        leave.take(&self.dir)
    }
}

/// What becomes of the old store once the new one counts. It is noted in the draft before that, so that the next opener finishes what was cut
/// short: an old store that was to be kept must not go, and what belongs to it must not be taken for the new one's.
struct Leave {
    /// The new store.
    store: String,
    /// Whether the old one stays, under a name of its own.
    keep: bool,
    /// The folders of the old one.
    folders: Vec<String>,
}

impl Leave {
    fn note(&self, draft: &Path) -> Result<()> {
        let lines = [&[self.store.clone(), self.keep.to_string()], &self.folders[..]].concat();
        replace_file(&draft.join(NOTE), lines.join("\n").as_bytes())
    }

    fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(DRAFT).join(NOTE)).ok()?;
        let mut lines = text.lines().map(str::to_owned);
        Some(Self { store: lines.next()?, keep: lines.next()? == "true", folders: lines.collect() })
    }

    /// Does it; where the first of the old folders is now, if they stay.
    fn take(&self, dir: &Path) -> Result<Option<PathBuf>> {
        let mut kept = None;
        for folder in self.folders.iter().map(|name| dir.join(name)).filter(|folder| folder.exists()) {
            if self.keep {
                let to = free_name(dir, "damaged");
                rename(&folder, &to)?;
                kept.get_or_insert(to);
            } else {
                remove_directory(&folder)?;
            }
        }
        remove_directory(&dir.join(DRAFT))?;
        Ok(kept)
    }
}

/// Finishes a change of stores that was cut short after the new one counted. To be called by whoever holds the lock, before anything is read.
///
/// # Errors
/// [`Error::Io`] when the old store can be neither renamed nor removed.
pub(crate) fn finish(dir: &Path, manifest: &Manifest) -> Result<()> {
    match Leave::read(dir) {
        Some(leave) if leave.store == manifest.store => leave.take(dir).map(drop),
        _ => Ok(()),
    }
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

fn free_name(dir: &Path, name: &str) -> PathBuf {
    let names = (1u32..).map(|number| dir.join(format!("{name}.{number}")));
    names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| dir.join(name))
}
