//! Which version of each document counts, among all the rows that were found.
//!
//! The newest head does, if its version is whole and no newer deletion is known. If not, the newest older head whose version is whole. A
//! document without any head is still named by its record, and can be put together from its rows. Whatever is not plainly the newest is
//! reported.

use std::collections::{BTreeMap, BTreeSet};

use neodex_storage::{Rebuild, Sequence, Store};

use crate::database::check::{self, Owners};
use crate::database::manifest;
use crate::database::repair::{Damage, Repair, salvage};
use crate::document::content_hash;
use crate::error::Result;
use crate::ingest::operation::Operation;
use crate::load;
use crate::schema::{DELETED, DOCUMENTS, Head, RECORDS, TEXTS};

/// Heads put or removed in one transaction.
const TOGETHER: usize = 256;

/// What was decided.
pub(super) struct Choice {
    /// The versions that count.
    pub(super) owners: Owners,
    /// Documents that are lost, and the version that is not whole.
    pub(super) lost: Vec<(String, u64)>,
    /// Versions that are known to be damaged, deleted or replaced.
    pub(super) accounted: BTreeSet<u64>,
    /// Which document a version was of, as far as the journal's remains say so.
    pub(super) ids: BTreeMap<u64, String>,
}

/// Makes every head name a version that is whole, or removes it.
///
/// # Errors
/// When the draft cannot be read or written, or the raw files cannot be read.
pub(super) fn choose(
    store: &Store,
    rebuild: &Rebuild,
    repair: &mut Repair,
    progress: &mut dyn FnMut(u64),
) -> Result<Choice> {
    let history = History::of(store)?;
    let mut changes: Vec<(String, Option<Head>)> = Vec::new();
    let mut broken: BTreeMap<String, (Head, String)> = BTreeMap::new();
    let mut known: BTreeSet<u64> = BTreeSet::new();
    let mut lost = Vec::new();
    let mut read = 0;
    for row in store.scan(&DOCUMENTS) {
        let (id, head) = row?;
        known.insert(head.version);
        read += 1;
        progress(read);
        let sequence = store.sequence_of(&DOCUMENTS, id.as_str())?.unwrap_or_default();
        if history.is_deleted(store, &id, head.version, sequence)? {
            changes.push((id, None));
        } else if let Some(reason) = check::document(store, &id, &head)? {
            broken.insert(id, (head, reason));
        } else if let Some(reason) = history.newer(&id, head.version, sequence) {
            repair.older.push(Damage { id, reason });
        }
    }
    let ids: BTreeSet<String> = broken.keys().cloned().collect();
    let mut older = if ids.is_empty() { Vec::new() } else { rebuild.copies(&DOCUMENTS, &ids)? };
    older.sort_by_key(|(_, sequence, _)| std::cmp::Reverse(*sequence));
    let mut accounted: BTreeSet<u64> = broken.values().map(|(head, _)| head.version).collect();
    for (id, (head, reason)) in broken {
        let mut found = None;
        for (_, sequence, candidate) in older.iter().filter(|(of, ..)| *of == id) {
            if candidate.version != head.version
                && !history.is_deleted(store, &id, candidate.version, *sequence)?
                && check::document(store, &id, candidate)?.is_none()
            {
                found = Some(candidate.clone());
                break;
            }
        }
        if let Some(candidate) = found {
            let reason = format!("the last version is damaged ({reason}); an older one took its place");
            repair.older.push(Damage { id: id.clone(), reason });
            known.insert(candidate.version);
            changes.push((id, Some(candidate)));
        } else {
            repair.lost.push(Damage { id: id.clone(), reason });
            lost.push((id.clone(), head.version));
            changes.push((id, None));
        }
    }
    for (id, head) in headless(store, &history, &known)? {
        let reason = "what named its last version is lost; this one was put together from its rows".to_owned();
        repair.older.push(Damage { id: id.clone(), reason });
        changes.push((id, Some(head)));
    }
    write(store, changes)?;
    let mut owners = Owners::default();
    for row in store.scan(&DOCUMENTS) {
        let (_, head) = row?;
        owners.add(head.version, head.chunks);
        repair.documents += 1;
    }
    owners.sort();
    for row in store.scan(&DELETED) {
        accounted.insert(row?.1);
    }
    accounted.extend(history.deleted.into_keys().chain(history.replaced));
    Ok(Choice { owners, lost, accounted, ids: history.ids })
}

fn write(store: &Store, mut changes: Vec<(String, Option<Head>)>) -> Result<()> {
    while !changes.is_empty() {
        let some = changes.split_off(changes.len().saturating_sub(TOGETHER));
        store.commit(move |tx| -> Result<()> {
            for (id, head) in &some {
                match head {
                    Some(head) => tx.put(&DOCUMENTS, id.as_str(), head)?,
                    None => tx.remove(&DOCUMENTS, id.as_str()).map(drop)?,
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// What the journal's remains say of documents: the last version of each, and which versions were deleted.
#[derive(Default)]
struct History {
    last: BTreeMap<String, (Sequence, u64)>,
    deleted: BTreeMap<u64, Sequence>,
    replaced: Vec<u64>,
    ids: BTreeMap<u64, String>,
}

impl History {
    fn of(store: &Store) -> Result<Self> {
        let mut history = Self::default();
        for (sequence, entry) in store.journal_remains()? {
            match Operation::decode(&entry) {
                Ok(Operation::Insert { id, version, replaced }) => {
                    history.replaced.extend(replaced.map(|(old, _)| old));
                    history.ids.insert(version, id.clone());
                    history.last.insert(id, (sequence, version));
                }
                Ok(Operation::Delete { version, .. }) => {
                    history.deleted.insert(version, sequence);
                }
                Err(_) => {}
            }
        }
        Ok(history)
    }

    /// Whether this version, whose head was written at `sequence`, was deleted since.
    fn is_deleted(&self, store: &Store, id: &str, version: u64, sequence: Sequence) -> Result<bool> {
        if self.deleted.get(&version).is_some_and(|deleted| *deleted > sequence) {
            return Ok(true);
        }
        Ok(store.sequence_of(&DELETED, id)?.is_some_and(|deleted| deleted > sequence))
    }

    /// Why this version may not be the last.
    fn newer(&self, id: &str, version: u64, sequence: Sequence) -> Option<String> {
        let (at, last) = self.last.get(id)?;
        (*at > sequence && *last != version).then(|| "a later version was stored, of which nothing is left".to_owned())
    }
}

/// Documents of which there is a whole version but no head at all.
fn headless(store: &Store, history: &History, known: &BTreeSet<u64>) -> Result<BTreeMap<String, Head>> {
    let mut found = BTreeMap::new();
    let mut last = None;
    for row in store.scan(&RECORDS) {
        let ((version, _), _) = row?;
        if last.replace(version) == Some(version) || known.contains(&version) {
            continue;
        }
        let Some((id, head)) = put_together(store, version)? else { continue };
        let sequence = store.sequence_of(&RECORDS, &(version, 0))?.unwrap_or_default();
        if !store.contains(&DOCUMENTS, id.as_str())? && !history.is_deleted(store, &id, version, sequence)? {
            // Versions come in order, so the last one wins.
            found.insert(id, head);
        }
    }
    Ok(found)
}

/// The head that a version without one would have, if its rows are whole.
fn put_together(store: &Store, version: u64) -> Result<Option<(String, Head)>> {
    let Ok(Some(record)) = load::record(store, version) else { return Ok(None) };
    let parts = store.range(&RECORDS, (version, 0)..=(version, u32::MAX))?.count();
    let text_bytes = salvage::text_length(store, version)?;
    let Ok(Some((document, chunks))) = load::document(store, version, text_bytes) else { return Ok(None) };
    if record.chunks.iter().any(|chunk| document.text.get(chunk.span.clone()).is_none()) {
        return Ok(None);
    }
    let first_is_there = text_bytes == 0 || store.contains(&TEXTS, &(version, 0))?;
    let head = Head {
        version,
        chunks: chunks.len() as u32,
        record_parts: parts as u32,
        text_bytes,
        content_hash: content_hash(&document),
        // Whether they are there is looked at when everything is settled.
        slots: manifest::slot(&store.manifest().fields).bit(),
    };
    Ok((first_is_there && !chunks.is_empty()).then(|| (document.id.as_str().to_owned(), head)))
}
