//! Whether the word index and the store list the same documents, and what to do where they do not.
//!
//! On opening their counts are compared, which costs nothing; only where those differ are the lists. The store is the truth as long as its own
//! list is whole; where rows of that are gone, the word index is the only one that still knows of them, and `repair` will ask it.

use std::collections::BTreeMap;

use neodex_index::DocumentKey;
use neodex_index::lexical::LexicalIndex;
use neodex_storage::{Sequence, Store};

use crate::database::recovery::is_damage;
use crate::error::{Error, Result};
use crate::load;
use crate::schema::{DOCUMENTS, Head, ONLY, TOTALS};

/// Where the lists differ.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Documents that the word index lacks, or has with other chunks or twice.
    pub(crate) missing: Vec<(String, Head)>,
    /// Versions that it has and should not have, or has otherwise.
    pub(crate) surplus: Vec<u64>,
    /// Whether the store's list is whole: every row of it can be read, and none is missing.
    pub(crate) is_whole: bool,
}

/// Compares the lists. Nobody may be writing.
///
/// # Errors
/// When one of them cannot be read; damage to single rows of the store is in the answer.
pub(crate) fn compare(store: &Store, lexical: &LexicalIndex) -> Result<Difference> {
    let mut listed: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for (version, chunks) in lexical.documents()? {
        let (_, times) = listed.entry(version.0).or_insert((chunks, 0));
        *times += 1;
    }
    let mut difference = Difference::default();
    let mut read = 0;
    for row in store.scan(&DOCUMENTS) {
        let (id, head) = match row.map_err(Error::from) {
            Ok(row) => row,
            Err(error) if is_damage(&error) => continue,
            Err(error) => return Err(error),
        };
        read += 1;
        if listed.get(&head.version) == Some(&(head.chunks, 1)) {
            listed.remove(&head.version);
        } else {
            difference.missing.push((id, head));
        }
    }
    difference.surplus = listed.into_keys().collect();
    difference.is_whole = read == store.count(&DOCUMENTS);
    Ok(difference)
}

/// Brings the word index to the store's list if their counts differ, and tells of it. For opening, when everything else is up to date.
///
/// # Errors
/// When one of them cannot be read or the index cannot be written; damage to single documents is no reason not to open.
pub(crate) fn mend(store: &Store, lexical: &LexicalIndex, last: Sequence, notices: &mut Vec<String>) -> Result<()> {
    let counts = lexical.stats();
    let totals = store.get(&TOTALS, ONLY).unwrap_or_default().unwrap_or_default();
    if counts.documents == store.count(&DOCUMENTS) && counts.chunks == totals.chunks {
        return Ok(());
    }
    let Difference { missing, surplus, is_whole } = compare(store, lexical)?;
    if !is_whole {
        notices.push("some documents cannot be read; `neodex verify` says more, `neodex repair` lists them".to_owned());
        return Ok(());
    }
    for version in &surplus {
        lexical.remove(DocumentKey(*version));
    }
    let (mut added, mut damaged) = (0, 0);
    for (_, head) in &missing {
        match load::document(store, head.version, head.text_bytes) {
            Ok(Some((document, chunks))) => {
                load::add_lexical(lexical, head.version, &document, &chunks)?;
                added += 1;
            }
            Ok(None) => damaged += 1,
            Err(error) if is_damage(&error) => damaged += 1,
            Err(error) => return Err(error),
        }
    }
    if added > 0 || !surplus.is_empty() {
        lexical.commit(last.0)?;
        let surplus = surplus.len();
        notices.push(format!(
            "the word index was mended: {added} documents were missing in it, and {surplus} were not as they are stored"
        ));
    }
    if damaged > 0 {
        notices
            .push(format!("{damaged} documents are damaged and cannot be found by words; `neodex repair` lists them"));
    }
    Ok(())
}
