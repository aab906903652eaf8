//! The last account: what the word index, or the store's own counts, say was there, and nothing that was found tells of.
//!
//! Where rows are gone without a trace, what is left looks complete. The word index is another set of files with a list of its own of the
//! documents by the keys of their versions; ids are in the store alone, but the journal's remains may still know them.

use std::path::Path;

use neodex_index::lexical::Witness;
use neodex_storage::{Carved, Rebuild, Store};

use crate::database::repair::heads::Choice;
use crate::database::repair::{Damage, Repair};
use crate::error::Result;
use crate::schema::DOCUMENTS;

/// The word index's word, where it is of this database, or nobody can say any more of which one it is.
pub(super) fn witness(rebuild: &Rebuild, folder: &Path) -> Option<Witness> {
    let witness = Witness::ask(folder)?;
    let ours = rebuild.manifest().map_or(true, |manifest| manifest.database.to_string() == witness.database_id);
    ours.then_some(witness)
}

/// Adds to the report what nobody has told of yet.
///
/// # Errors
/// When the draft cannot be read.
pub(super) fn close(
    store: &Store,
    choice: &Choice,
    witness: Option<&Witness>,
    carved: &Carved,
    repair: &mut Repair,
) -> Result<()> {
    let Some(witness) = witness else {
        let expected = carved.counts.get(&DOCUMENTS.id()).copied().unwrap_or_default();
        repair.unnamed = expected.saturating_sub(repair.documents + repair.lost.len() as u64);
        return Ok(());
    };
    let gone = |version: &u64| !choice.owners.has_version(*version) && !choice.accounted.contains(version);
    for version in witness.documents.iter().map(|key| key.0).filter(gone) {
        match choice.ids.get(&version) {
            // A version of it that is newer, or was listed.
            Some(id) if store.contains(&DOCUMENTS, id.as_str())? || repair.lost.iter().any(|lost| lost.id == *id) => {}
            Some(id) => {
                let reason = "it is in the word index, and nothing of it is left in the store".to_owned();
                repair.lost.push(Damage { id: id.clone(), reason });
            }
            None => repair.unnamed += 1,
        }
    }
    Ok(())
}
