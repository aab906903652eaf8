//! Making a database anew in the folder of one that may not open: from a snapshot, or from what can be carved out of its
//! files.
//!
//! The new one grows as a complete database of its own in `draft/`, where it can be opened, looked at and put in order
//! like any other. Adopting it moves its store beside the old one and writes one small file. It has an id of its own, so
//! whatever was derived from the old one is made again.

use std::path::{Path, PathBuf};

use crate::durability::{create_directory, remove_directory, rename};
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
        Ok(Self { manifest: look(dir)?, dir: dir.to_path_buf(), lock })
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
        rename(&draft.join(&manifest.store), &self.dir.join(&name))?;
        reach("adopt.named");
        let manifest = Manifest { store: name, ..manifest };
        manifest.write(&self.dir)?;
        reach("adopt.switched");
        self.lock.mark_closed(sequence, manifest.database)?;
        let mut kept = None;
        for folder in old {
            if keep {
                let to = self.free_name("damaged");
                rename(&folder, &to)?;
                kept.get_or_insert(to);
            } else {
                remove_directory(&folder)?;
            }
        }
        remove_directory(&draft)?;
        Ok(kept)
    }

    fn free_name(&self, name: &str) -> PathBuf {
        let names = (1u32..).map(|number| self.dir.join(format!("{name}.{number}")));
        names.into_iter().find(|path| !path.exists()).unwrap_or_else(|| self.dir.join(name))
    }
}
