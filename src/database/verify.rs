//! Checking every byte that has a checksum, and that the parts agree with each other.

use serde::Serialize;

use crate::database::agreement::{self, Difference};
use crate::database::{Database, check};
use crate::error::Result;
use crate::schema::TABLE_NAMES;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The table or part.
    pub part: String,
    /// The key or document.
    pub key: String,
    /// What does not fit.
    pub reason: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Stored values read.
    pub values: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Documents read whole.
    pub documents: u64,
    /// Everything that does not fit.
    pub faults: Vec<Fault>,
}

impl Database {
    /// Reads everything: every stored value against its checksum, every document whole with its vectors, rows that belong to nobody, the
    /// counts, every file of the word index, and both indexes against the store. `progress` hears how many values and documents have been
    /// read. Others may write meanwhile; what cannot be judged then is not.
    ///
    /// # Errors
    /// When reading itself fails; damage is in the answer.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Verification> {
        // Counting while vectors come and go in the background would find faults that are none.
        self.background.stop();
        self.flush()?;
        let inner = &self.inner;
        let before = inner.store.last_sequence();
        let mut verification = store(&inner.store, &mut |read| {
            progress(read);
            true
        })?
        .unwrap_or_else(Verification::nothing);
        let totals = inner.store.get(&crate::schema::TOTALS, crate::schema::ONLY).unwrap_or_default();
        let mut fault = |part: &str, key: String, reason: String| {
            verification.faults.push(Fault { part: part.to_owned(), key, reason });
        };
        for file in inner.indexes.lexical.verify()? {
            fault("word index", file.display().to_string(), "its checksum does not fit".to_owned());
        }
        if inner.store.last_sequence() != before {
            return Ok(verification);
        }
        let totals = totals.unwrap_or_default();
        let Difference { missing, surplus, .. } = agreement::compare(&inner.store, &inner.indexes.lexical)?;
        for (id, _) in missing {
            fault("word index", id, "it does not have this document as it is stored".to_owned());
        }
        for version in surplus {
            fault("word index", version.to_string(), "it has a document that is not stored like this".to_owned());
        }
        if let Some(vectors) = &inner.indexes.vectors
            && vectors.len() as u64 != totals.vectors(inner.slot)
        {
            let reason = format!("it has {} vectors, the store {}", vectors.len(), totals.vectors(inner.slot));
            fault("vector index", String::new(), reason);
        }
        Ok(verification)
    }
}

impl Verification {
    /// One that has seen nothing.
    fn nothing() -> Self {
        Self { values: 0, bytes: 0, documents: 0, faults: Vec::new() }
    }
}

/// Verifies the store alone; `None` where `go_on`, which hears how many values and documents have been read, has ended it.
///
/// # Errors
/// When the store cannot be read; damage is in the answer.
pub(crate) fn store(store: &neodex_storage::Store, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Option<Verification>> {
    let mut stopped = false;
    let report = store.verify_while(&mut |values| {
        stopped |= !go_on(values);
        !stopped
    })?;
    if stopped {
        return Ok(None);
    }
    let mut faults: Vec<Fault> = report
        .faults
        .into_iter()
        .map(|fault| Fault { part: table_name(fault.table), key: fault.key, reason: fault.reason })
        .collect();
    faults.extend(report.miscounts.into_iter().map(|miscount| Fault {
        part: table_name(miscount.table),
        key: String::new(),
        reason: format!("it has {} rows and should have {}", miscount.found, miscount.expected),
    }));
    let Some(seen) = check::documents(store, &mut |documents| go_on(report.values + documents))? else {
        return Ok(None);
    };
    faults.extend(seen.faults);
    Ok(Some(Verification { values: report.values, bytes: report.bytes, documents: seen.documents, faults }))
}

/// A table's name for people.
fn table_name(table: u8) -> String {
    match TABLE_NAMES.iter().find(|(known, _)| *known == table) {
        Some((_, name)) => (*name).to_owned(),
        None if table < neodex_storage::FIRST_USER_TABLE => "the store's own numbers".to_owned(),
        None => format!("table {table}"),
    }
}
