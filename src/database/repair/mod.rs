//! Making a damaged database one that opens, with everything in it that can still be read, and saying what could not.
//!
//! Where the store is sound, whatever is derived from it is made again. Where it is not, its rows are carved out of the raw files into a new
//! store, whether sled would open them or not, and put in order there as if by hand: which version of a document counts (`heads`), what
//! belongs to nobody (`settle`), what is left of a document that is not whole (`salvage`). Only then does the new store take the old one's
//! place, and the old one is kept.

mod account;
mod heads;
mod salvage;
mod settle;

use std::path::{Path, PathBuf};

use neodex_index::lexical::remove_index;
use neodex_storage::{Rebuild, Sequence, Store, StoreOptions};
use serde::Serialize;

use crate::config::Config;
use crate::database::recovery::behind;
use crate::database::verify;
use crate::error::{Error, Result};
use crate::schema::is_truth;

/// The folder of the word index.
const LEXICAL: &str = "lexical";

/// What a repair has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Whether the store was damaged. If not, only what is derived from it was made again.
    pub damaged: bool,
    /// Documents in the database now.
    pub documents: u64,
    /// Documents of which a version is there that may not be the last one stored.
    pub older: Vec<Damage>,
    /// Documents that are gone.
    pub lost: Vec<Damage>,
    /// Documents that are gone and of which nothing is left that names them.
    pub unnamed: u64,
    /// Whether nothing at all could be read of the store.
    pub nothing_left: bool,
    /// Documents whose vectors are gone: they are found by words until `reembed` has made new ones.
    pub without_vectors: Vec<Damage>,
    /// The last transactions whose rows were nowhere to be found: after the first number, up to the second.
    pub missing_transactions: Option<(u64, u64)>,
    /// Whether FORMAT was lost and nothing in the store said what it was: the database has no model, and all vectors are gone.
    pub settings_lost: bool,
    /// What could still be read of lost documents, as JSON Lines.
    pub salvaged: Option<PathBuf>,
    /// The damaged store, kept until somebody removes it.
    pub kept: Option<PathBuf>,
}

/// What happened to a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its id.
    pub id: String,
    /// What happened to it.
    pub reason: String,
}

impl Repair {
    /// Whether anything was lost, or may have been.
    #[must_use]
    pub fn lost_something(&self) -> bool {
        !self.older.is_empty()
            || !self.lost.is_empty()
            || self.unnamed > 0
            || self.nothing_left
            || self.missing_transactions.is_some()
            || self.settings_lost
    }
}

/// Repairs the database in the folder `path`, which nobody may have open. `progress` hears what is being done, how far it is and how far it
/// goes (0 where that is not known).
///
/// # Errors
/// When there is no database, it is open or of a newer format, or there is no room for a second store. It is as it was then.
pub fn repair(path: impl AsRef<Path>, progress: &mut dyn FnMut(&str, u64, u64)) -> Result<Repair> {
    let path = path.as_ref();
    if !neodex_storage::is_database(path) {
        return Err(Error::NoDatabase { path: path.to_path_buf() });
    }
    let options = StoreOptions::new().cache_capacity_bytes(Config::default().cache_bytes);
    if let Some(documents) = sound(path, &options, progress)? {
        forget_lexical(path)?;
        return Ok(Repair { documents, ..Repair::default() });
    }
    let rebuild = Rebuild::begin(path)?;
    // Asked before it goes: it has a list of documents of its own.
    let witness = account::witness(&rebuild, &path.join(LEXICAL));
    let known = rebuild.known_sequence().max(witness.as_ref().map_or(Sequence::ZERO, |it| Sequence(it.sequence)));
    let carved =
        rebuild.carve(&options, &is_truth, &mut |done, total| progress("reading what is left", done, total))?;
    let mut repair = Repair { damaged: true, ..Repair::default() };
    repair.missing_transactions = (carved.newest < known).then_some((carved.newest.0, known.0));
    repair.settings_lost = carved.manifest_found == Some(false);
    repair.nothing_left = carved.values == 0;
    let salvaged = {
        let store = Store::open(rebuild.draft(), options)?;
        let mut report = |done| progress("putting it in order", done, 0);
        let choice = heads::choose(&store, &rebuild, &mut repair, &mut report)?;
        let salvaged = salvage::read(&store, &choice.lost)?;
        account::close(&store, &choice, witness.as_ref(), &carved, &mut repair)?;
        settle::settle(&store, &choice.owners, &mut repair, &mut report)?;
        store.compact(&mut |rows| progress("writing the new store", rows, 0))?;
        salvaged
    };
    repair.salvaged = salvage::write(path, &salvaged)?;
    repair.kept = rebuild.adopt(true)?;
    forget_lexical(path)?;
    Ok(repair)
}

/// How many documents there are if the store opens and is sound.
fn sound(path: &Path, options: &StoreOptions, progress: &mut dyn FnMut(&str, u64, u64)) -> Result<Option<u64>> {
    let store = match Store::open(path, options.clone()) {
        Ok(store) => store,
        Err(error) if error.kind() == neodex_storage::ErrorKind::Damaged => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if behind(&store, path).is_some() {
        return Ok(None);
    }
    let checked = verify::store(&store, &mut |read| {
        progress("checking the store", read, 0);
        true
    });
    match checked {
        Ok(Some(verification)) if verification.faults.is_empty() => Ok(Some(verification.documents)),
        Ok(_) => Ok(None),
        Err(Error::Storage(error)) if error.kind() == neodex_storage::ErrorKind::Damaged => Ok(None),
        Err(error) => Err(error),
    }
}

/// The word index is made again when the database is opened.
fn forget_lexical(path: &Path) -> Result<()> {
    let folder = path.join(LEXICAL);
    remove_index(&folder).map_err(Error::io(folder))
}
