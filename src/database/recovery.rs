//! What happens on open, before the first caller gets a handle: sweep half-written versions, load the vectors, and bring the lexical index up
//! to the store, from its watermark if the journal reaches back that far, from the documents themselves if not.
//!
//! The indexes are only ever derived from the store, so nothing here can lose a document; the worst case is time.

use std::path::Path;
use std::sync::Arc;

use neodex_index::DocumentKey;
use neodex_index::lexical::{LexicalIndex, OpenOptions, last_commit, remove_index};
use neodex_index::vector::VectorSet;
use neodex_storage::{Sequence, Store};

use crate::config::Config;
use crate::database::agreement;
use crate::database::manifest;
use crate::database::switch;
use crate::error::{Error, Result};
use crate::ingest::apply::Indexes;
use crate::ingest::operation::Operation;
use crate::ingest::write::sweep;
use crate::load;
use crate::schema::{CODES_OF, DOCUMENTS, ONLY, RECORDS, TOTALS, TRIMMED, UNREFERENCED};
use crate::sealing::recovery::load_vectors;
use crate::sealing::rows::FullRows;

/// The lexical index commits this often while it catches up, so that a second interruption does not begin again.
const COMMIT_EVERY: u64 = 20_000;

/// The state a database starts from.
pub(crate) struct Recovered {
    pub(crate) indexes: Indexes,
    pub(crate) searchable: Sequence,
    pub(crate) notices: Vec<String>,
}

/// See the module.
pub(crate) fn recover(store: &Store, path: &Path, config: &Config) -> Result<Recovered> {
    let mut notices = Vec::new();
    if let Some(known) = behind(store, path) {
        let reason = format!(
            "the store ends at transaction {}, but the word index, which comes after it, knows {known}: what is in between is lost; `neodex \
             repair` saves and lists what there is, a snapshot brings back the rest",
            store.last_sequence()
        );
        return Err(neodex_storage::Error::Damaged { path: path.to_path_buf(), reason }.into());
    }
    if store.recovered_from_crash() {
        notices.push("the database was not closed properly last time; everything acknowledged is here".to_owned());
    }
    if let Some(upgrade) = store.upgrade() {
        notices.push(format!(
            "the database was brought from format {} to {}; as it was before, it is in {}, to be removed when nothing is missed",
            upgrade.from,
            upgrade.to,
            upgrade.snapshot.display()
        ));
    }
    let unreferenced = store.scan(&UNREFERENCED).map(|row| Ok(row?.0)).collect::<Result<Vec<u64>>>()?;
    for version in unreferenced {
        tolerate(sweep(store, version), notices_of(&mut notices, "what an interrupted write left cannot be removed"))?;
    }

    let manifest = store.manifest();
    let vectors = match manifest::vectors(&manifest.fields) {
        Some((dimension, distance, rows)) => {
            let mut set = Arc::new(VectorSet::new(dimension, distance)?);
            let slot = manifest::slot(&manifest.fields);
            let rows = FullRows { slot, format: rows, rescoring: config.rescoring, binary: config.binary };
            let mut loaded = fill(store, &set, &rows, &mut notices);
            if loaded.as_ref().is_err_and(is_damage) {
                // Codes are made of full vectors, and made of them again where they are damaged.
                notices.push("the codes of the vectors are damaged and are made again".to_owned());
                store.commit(|tx| -> Result<()> { Ok(tx.put(&CODES_OF, ONLY, &0)?) })?;
                set = Arc::new(VectorSet::new(dimension, distance)?);
                loaded = fill(store, &set, &rows, &mut notices);
            }
            tolerate(
                loaded,
                notices_of(&mut notices, "some vectors are damaged; `neodex repair` lists their documents"),
            )?;
            let expected = store.get(&TOTALS, ONLY).unwrap_or_default().unwrap_or_default().vectors(slot);
            if set.len() as u64 != expected {
                notices
                    .push(format!("{} vectors are stored, but {expected} are accounted for; run `verify`", set.len()));
            }
            Some(set)
        }
        None => None,
    };

    let lexical = open_lexical(store, &path.join("lexical"), config, &mut notices)?;
    let searchable = store.last_sequence();
    let indexes = Indexes { lexical: Arc::new(lexical), vectors, sealing: Arc::default() };
    Ok(Recovered { indexes, searchable, notices })
}

/// The transaction that the word index knows of this database, if the store has not come so far. Changes are applied to it only once they are
/// on the disk, so that means that some were lost there.
pub(crate) fn behind(store: &Store, path: &Path) -> Option<u64> {
    let (database, sequence) = last_commit(&path.join("lexical"))?;
    (database == store.manifest().database.to_string() && sequence > store.last_sequence().0).then_some(sequence)
}

/// Opens the lexical index, brings it up to the store and sees that it lists the same documents.
fn open_lexical(store: &Store, folder: &Path, config: &Config, notices: &mut Vec<String>) -> Result<LexicalIndex> {
    let (lexical, is_new) = catch_up(store, folder, config, notices)?;
    if !is_new {
        agreement::mend(store, &lexical, store.last_sequence(), notices)?;
    }
    Ok(lexical)
}

/// Opens the lexical index and applies what it has not seen; true where it was made again from the documents.
fn catch_up(store: &Store, folder: &Path, config: &Config, notices: &mut Vec<String>) -> Result<(LexicalIndex, bool)> {
    let options = OpenOptions {
        memory_budget_bytes: config.indexing_memory_bytes,
        ..OpenOptions::new(store.manifest().database.to_string())
    };
    let (lexical, opened) = LexicalIndex::open(folder, options.clone())?;
    let is_empty = store.count(&DOCUMENTS) == 0;
    let last = store.last_sequence();
    let trimmed = store.get(&TRIMMED, ONLY)?.unwrap_or_default();
    match opened.watermark {
        Some(watermark) if watermark <= last.0 && watermark >= trimmed => {
            let replayed = replay(store, &lexical, watermark);
            if replayed.is_ok() {
                return Ok((lexical, false));
            }
            // A journal that cannot be read is no reason not to open: the documents say the same.
            tolerate(replayed, notices_of(notices, "the journal cannot be read"))?;
        }
        None => {
            if !is_empty {
                let reason = opened.rebuilt.unwrap_or_else(|| "it is missing".to_owned());
                notices.push(format!("the word index is made again from the documents: {reason}"));
            }
            rebuild(store, &lexical, last, notices)?;
            return Ok((lexical, true));
        }
        Some(_) => {}
    }
    notices.push("the word index does not fit the store and is made again from the documents".to_owned());
    drop(lexical);
    remove_index(folder).map_err(Error::io(folder))?;
    let (lexical, _) = LexicalIndex::open(folder, options)?;
    rebuild(store, &lexical, last, notices)?;
    Ok((lexical, true))
}

/// Damage to single rows is no reason not to open: it is told, and everything else can be read. Anything else is.
fn tolerate(outcome: Result<()>, tell: impl FnOnce(&Error)) -> Result<()> {
    match outcome {
        Err(error) if is_damage(&error) => {
            tell(&error);
            Ok(())
        }
        outcome => outcome,
    }
}

pub(crate) fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Storage(neodex_storage::Error::Corrupted { .. }) | Error::Record { .. })
}

fn notices_of<'a>(notices: &'a mut Vec<String>, what: &'a str) -> impl FnOnce(&Error) + 'a {
    move |error| notices.push(format!("{what}: {error}"))
}

/// Fills the set from the codes, which are made first where the stored ones are of other vectors.
fn fill(store: &Store, set: &Arc<VectorSet>, rows: &FullRows, notices: &mut Vec<String>) -> Result<()> {
    switch::bring_codes_along(store, rows.slot, rows.format, set.dimension())?;
    load_vectors(store, set, rows, notices)
}

/// Applies the journal behind `watermark`.
fn replay(store: &Store, lexical: &LexicalIndex, watermark: u64) -> Result<()> {
    let mut applied = 0;
    for entry in store.journal_since(Sequence(watermark))? {
        let (sequence, bytes) = entry?;
        let operation = Operation::decode(&bytes).map_err(|malformed| Error::Record {
            what: "journal entry",
            key: sequence.0.to_string(),
            reason: malformed.reason.clone(),
        })?;
        match operation {
            Operation::Delete { version, .. } => lexical.remove(DocumentKey(version)),
            Operation::Insert { id, version, replaced } => {
                if let Some((old, _)) = replaced {
                    lexical.remove(DocumentKey(old));
                }
                lexical.remove(DocumentKey(version));
                // A version that is gone by now has a later entry of its own.
                let head = load::head(store, &id)?.filter(|head| head.version == version);
                if let Some(head) = head
                    && let Some((document, chunks)) = load::document(store, version, head.text_bytes)?
                {
                    load::add_lexical(lexical, version, &document, &chunks)?;
                }
            }
        }
        applied += 1;
        if applied % COMMIT_EVERY == 0 {
            lexical.commit(sequence.0)?;
        }
    }
    if applied > 0 { Ok(lexical.commit(store.last_sequence().0)?) } else { Ok(()) }
}

/// Fills an empty lexical index from every document that can be read.
fn rebuild(store: &Store, lexical: &LexicalIndex, last: Sequence, notices: &mut Vec<String>) -> Result<()> {
    let mut damaged = 0;
    for row in store.scan(&DOCUMENTS) {
        let document = row.map_err(Error::from).and_then(|(id, head)| {
            let missing = || Error::Record {
                what: "document",
                key: id,
                reason: format!("its rows in {} are missing", RECORDS.name()),
            };
            Ok((head.version, load::document(store, head.version, head.text_bytes)?.ok_or_else(missing)?))
        });
        match document {
            Ok((version, (document, chunks))) => load::add_lexical(lexical, version, &document, &chunks)?,
            Err(error) if is_damage(&error) => damaged += 1,
            Err(error) => return Err(error),
        }
    }
    if damaged > 0 {
        notices
            .push(format!("{damaged} documents are damaged and cannot be found by words; `neodex repair` lists them"));
    }
    Ok(lexical.commit(last.0)?)
}
