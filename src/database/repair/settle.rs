//! Putting the rest in order once it is known which versions count: what belongs to nobody goes, what is derived is made again.

use neodex_storage::{Sequence, Store, Table, TableKey, TableValue};

use crate::database::check::{self, Owners};
use crate::database::manifest;
use crate::database::repair::{Damage, Repair};
use crate::error::Result;
use crate::schema::{
    CODES_OF, DELETED, DOCUMENTS, Head, KEY_COUNTER, ONLY, RECORDS, SOURCE_DOCUMENTS, SOURCES, Source, TEXTS, TOTALS,
    TRIMMED, Totals,
};

/// Rows removed in one transaction.
const TOGETHER: usize = 4_096;

/// See the module.
///
/// # Errors
/// When the draft cannot be read or written.
pub(super) fn settle(store: &Store, owners: &Owners, repair: &mut Repair, progress: &mut dyn FnMut(u64)) -> Result<()> {
    let mut totals = Totals::default();
    let mut documents = 0;
    let fields = store.manifest().fields;
    let (vectors, slot) = (manifest::vectors(&fields), manifest::slot(&fields));
    let mut with_vectors = Owners::default();
    let heads = store.scan(&DOCUMENTS).collect::<neodex_storage::Result<Vec<_>>>()?;
    for (id, mut head) in heads {
        documents += 1;
        progress(documents);
        let fault = match vectors {
            _ if !head.has_vectors(slot) => None,
            Some((dimension, _, format)) => check::vectors(store, slot, &head, dimension, format)?,
            None => Some("it is not known any more which model made its vectors".to_owned()),
        };
        // What another model was about to take over with is not worth saving.
        let slots = if head.has_vectors(slot) && fault.is_none() { slot.bit() } else { 0 };
        if let Some(reason) = fault {
            repair.without_vectors.push(Damage { id: id.clone(), reason });
        }
        if slots != head.slots {
            head.slots = slots;
            put(store, id, head.clone())?;
        }
        if head.has_vectors(slot) {
            with_vectors.add(head.version, head.chunks);
        }
        totals.add(&head);
    }
    with_vectors.sort();
    remove(store, &RECORDS, |(version, _)| !owners.has_version(*version))?;
    remove(store, &TEXTS, |(version, _)| !owners.has_version(*version))?;
    remove(store, slot.rows(), |(key, _)| !with_vectors.has_chunk(*key))?;
    remove(store, slot.other().rows(), |_| true)?;
    remove(store, &DELETED, |id| store.contains(&DOCUMENTS, id.as_str()).unwrap_or_default())?;
    sources(store)?;
    let next = owners.end();
    let last = store
        .commit(move |tx| -> Result<()> {
            tx.put(&TOTALS, ONLY, &totals)?;
            // Codes are of neither slot, so they are made again when the database is opened.
            tx.put(&CODES_OF, ONLY, &0)?;
            // The word index is to be made from the documents, not from a journal with holes.
            let now = tx.sequence().0;
            tx.put(&TRIMMED, ONLY, &now)?;
            tx.raise(KEY_COUNTER, next);
            Ok(())
        })?
        .sequence;
    store.trim_journal(Sequence(last.0))?;
    Ok(())
}

fn put(store: &Store, id: String, head: Head) -> Result<()> {
    store.commit(move |tx| -> Result<()> { Ok(tx.put(&DOCUMENTS, id.as_str(), &head)?) })?;
    Ok(())
}

fn into_groups<T>(mut items: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut groups = Vec::new();
    while !items.is_empty() {
        let rest = items.split_off(items.len().min(size));
        groups.push(std::mem::replace(&mut items, rest));
    }
    groups
}

/// Removes the rows of a table that are not wanted.
fn remove<K, V>(store: &Store, table: &Table<K, V>, unwanted: impl Fn(&K) -> bool) -> Result<()>
where
    K: TableKey + Send + 'static,
    V: TableValue + 'static,
{
    let mut keys = Vec::new();
    let mut rows = store.scan(table);
    loop {
        let row = rows.next().transpose()?;
        let ended = row.is_none();
        keys.extend(row.map(|(key, _)| key).filter(|key| unwanted(key)));
        if keys.len() >= TOGETHER || ended {
            let (table, some) = (*table, std::mem::take(&mut keys));
            store.commit(move |tx| -> Result<()> {
                for key in &some {
                    tx.remove(&table, key)?;
                }
                Ok(())
            })?;
        }
        if ended {
            return Ok(());
        }
    }
}

/// What is remembered of files stays, so that pruning works, but every file is read again.
fn sources(store: &Store) -> Result<()> {
    let gone = |id: &str| -> bool { !store.contains(&DOCUMENTS, id).unwrap_or_default() };
    let document = |tie: &str| tie.split_once('\0').map_or_else(String::new, |(_, id)| id.to_owned());
    remove(store, &SOURCE_DOCUMENTS, |tie| gone(&document(tie)))?;
    let rows = store.scan(&SOURCES).collect::<neodex_storage::Result<Vec<(String, Source)>>>()?;
    let rows: Vec<(String, Option<Source>)> = rows
        .into_iter()
        .map(|(path, source)| {
            let kept = source.many || !gone(&path);
            (path, kept.then_some(Source { modified_ns: 0, ..source }))
        })
        .collect();
    for rows in into_groups(rows, TOGETHER) {
        store.commit(move |tx| -> Result<()> {
            for (path, source) in &rows {
                match source {
                    Some(source) => tx.put(&SOURCES, path.as_str(), source)?,
                    None => tx.remove(&SOURCES, path.as_str()).map(drop)?,
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}
