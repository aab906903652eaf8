//! Checking every byte that has a checksum, and that the parts agree with each other.

use serde::Serialize;

use crate::database::Database;
use crate::error::Result;
use crate::load;
use crate::schema::{DOCUMENTS, Head, ONLY, TABLE_NAMES, TOTALS, Totals};

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
    /// Reads everything: every stored value against its checksum, every document whole, the counts, and both indexes against the store.
    /// `progress` hears how many values and documents have been read.
    ///
    /// # Errors
    /// When reading itself fails; damage is in the answer.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Verification> {
        // Counting while vectors come and go in the background would find faults that are none.
        self.background.stop();
        self.flush()?;
        let inner = &self.inner;
        let report = inner.store.verify(progress)?;
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
        let mut documents = 0;
        let mut totals = Totals::default();
        let mut indexed = 0;
        for row in inner.store.scan(&DOCUMENTS) {
            let Ok((id, head)) = row else { continue };
            totals.add(&head);
            documents += 1;
            progress(report.values + documents);
            if let Some(reason) = self.fault_of(&head)? {
                faults.push(Fault { part: "document".to_owned(), key: id, reason });
            }
            indexed += 1;
        }
        let mut expect = |part: &str, reason: String| {
            faults.push(Fault { part: part.to_owned(), key: String::new(), reason });
        };
        let counted = inner.store.get(&TOTALS, ONLY)?.unwrap_or_default();
        if counted != totals {
            expect("totals", format!("they say {counted:?}, the documents say {totals:?}"));
        }
        let lexical = inner.indexes.lexical.stats();
        if lexical.documents != indexed {
            expect("lexical index", format!("it has {} documents, the store {indexed}", lexical.documents));
        }
        if lexical.chunks != totals.chunks {
            expect("lexical index", format!("it has {} chunks, the store {}", lexical.chunks, totals.chunks));
        }
        if let Some(vectors) = &inner.indexes.vectors
            && vectors.len() as u64 != totals.vectors(inner.slot)
        {
            let stored = totals.vectors(inner.slot);
            expect("vector index", format!("it has {} vectors, the store {stored}", vectors.len()));
        }
        Ok(Verification { values: report.values, bytes: report.bytes, documents, faults })
    }

    /// What is wrong with a document that can be found by reading it whole.
    fn fault_of(&self, head: &Head) -> Result<Option<String>> {
        let (document, chunks) = match load::document(&self.inner.store, head.version, head.text_bytes) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Some("its rows are missing".to_owned())),
            Err(error) => return Ok(Some(error.to_string())),
        };
        if crate::document::content_hash(&document) != head.content_hash {
            return Ok(Some("its content does not have the hash it was stored with".to_owned()));
        }
        if chunks.len() != head.chunks as usize {
            return Ok(Some(format!("it has {} chunks, its head says {}", chunks.len(), head.chunks)));
        }
        Ok(None)
    }
}

/// A table's name for people.
fn table_name(table: u8) -> String {
    let known = TABLE_NAMES.iter().find(|(known, _)| *known == table);
    known.map_or_else(|| "the store's own numbers".to_owned(), |(_, name)| (*name).to_owned())
}
