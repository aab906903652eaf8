//! Bringing a database of an earlier format up to date, in place, after a snapshot of it as it was.
//!
//! * 1 to 2: FORMAT says which folder is the store, and the store knows what FORMAT says.
//! * 2 to 3: nothing of the store's own. The vectors' codes are in another table, which a program of format 2 does not know: it would see none,
//!   so it must not open the database. Who owns the tables makes the new ones from the old.

use std::path::PathBuf;

use crate::error::Result;
use crate::manifest::{FORMAT_VERSION, Manifest};
use crate::mirror;
use crate::store::Store;

/// What an upgrade has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The format that the database had.
    pub from: u32,
    /// The format that it has now.
    pub to: u32,
    /// The snapshot of it as it was, in the database's folder.
    pub snapshot: PathBuf,
}

/// Upgrades an open store if it is of an earlier format. Interrupted, it begins again on the next open.
pub(crate) fn upgrade(store: &Store) -> Result<Option<Upgrade>> {
    let manifest = store.manifest();
    let from = manifest.format;
    let upgrade = match from {
        FORMAT_VERSION => None,
        _ => {
            let snapshot = store.path().join(format!("before-format-{FORMAT_VERSION}.snapshot"));
            store.snapshot_create(&snapshot, &mut |_| {})?;
            store.replace_manifest(|manifest| Manifest { format: FORMAT_VERSION, ..manifest.clone() })?;
            Some(Upgrade { from, to: FORMAT_VERSION, snapshot })
        }
    };
    if !mirror::is_current(&store.engine().live(), &store.manifest()) {
        store.mirror_manifest()?;
    }
    Ok(upgrade)
}
