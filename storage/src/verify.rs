//! Looking at everything that is stored: every value's checksum, every table's count, the journal's order.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::codec::{self, describe_key};
use crate::engine::Engine;
use crate::error::{Error, Result, panic_message};
use crate::journal::{Assembly, JOURNAL};
use crate::key::TableKey;
use crate::numbers::META;
use crate::sequence::Sequence;
use crate::store::Store;

/// One value, or one entry of the journal, that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number of its table; 0 is the journal, 1 the store's own numbers.
    pub table: u8,
    /// Its key, quoted where it is text, hexadecimal otherwise.
    pub key: String,
    /// What does not fit.
    pub reason: String,
}

/// A table that has another number of rows than was written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// The table's number.
    pub table: u8,
    /// Rows that it should have.
    pub expected: u64,
    /// Rows that it has.
    pub found: u64,
}

/// What [`Store::verify`] has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Values looked at.
    pub values: u64,
    /// Their size with keys and headers, in bytes.
    pub bytes: u64,
    /// Values and journal entries that are damaged.
    pub faults: Vec<Fault>,
    /// Tables with rows lost or too many.
    pub miscounts: Vec<Miscount>,
    /// Whether nothing was written meanwhile. If not, counts and the journal's order were not judged.
    pub quiet: bool,
}

impl Report {
    /// Whether nothing is wrong with what was judged.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.miscounts.is_empty()
    }
}

impl Store {
    /// Reads and checks every value; calls `progress` with the number of values so far, now and then. Writes may go on
    /// meanwhile; counts and the journal's order are judged only if none did.
    ///
    /// # Errors
    /// [`Error::Engine`] where sled cannot read on. What is damaged is in the report, not an error.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<Report> {
        self.verify_while(&mut |values| {
            progress(values);
            true
        })
    }

    /// As [`Store::verify`], for as long as `go_on` says so, which hears how many values have been checked. A report of what
    /// was checked until then judges neither counts nor the journal's order.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub fn verify_while(&self, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Report> {
        const STEP: u64 = 1024;
        let before = self.last_sequence();
        let mut scan = Scan::default();
        let live = self.engine().live();
        let mut rows = live.iter();
        // sled may panic on a damaged page.
        while let Some(row) = neodex_guard::call(|| rows.next()).map_err(panicked)? {
            let (key, value) = row.map_err(Error::engine("read every value"))?;
            scan.row(&key, &value);
            if scan.report.values.is_multiple_of(STEP) && !go_on(scan.report.values) {
                return Ok(scan.report);
            }
        }
        go_on(scan.report.values);
        // A transaction's rows are there a moment before it counts: whether any was written is asked while none is under way.
        let judge =
            |engine: &Engine| (before == engine.visible(), (0..=u8::MAX).map(|table| engine.count(table)).collect());
        let (quiet, counts): (bool, Vec<u64>) = self.hold_still(judge).unwrap_or_else(|_| judge(self.engine()));
        Ok(scan.finish(quiet, before, |table| counts.get(usize::from(table)).copied().unwrap_or_default()))
    }

    /// The size of the store's files, in bytes.
    ///
    /// # Errors
    /// [`Error::Io`] where they cannot be listed.
    pub fn size_on_disk(&self) -> Result<u64> {
        directory_bytes(self.engine().live().folder())
    }
}

/// A scan of everything, under way.
#[derive(Default)]
struct Scan {
    report: Report,
    counts: BTreeMap<u8, u64>,
    entry: Assembly,
    /// Faults only where nothing was written meanwhile.
    unordered: Vec<Fault>,
    newest: Sequence,
}

impl Scan {
    fn row(&mut self, sled_key: &[u8], value: &[u8]) {
        self.report.values += 1;
        self.report.bytes += (sled_key.len() + value.len()) as u64;
        let Some((&table, key)) = sled_key.split_first() else {
            return self.fault(0, sled_key, "the key has no table".to_owned());
        };
        *self.counts.entry(table).or_default() += 1;
        match codec::decode(table, key, value) {
            Ok(stored) => {
                self.newest = self.newest.max(stored.sequence);
                if table == JOURNAL.id() {
                    self.journal_row(key, stored.payload);
                }
            }
            Err(reason) => self.fault(table, key, reason),
        }
    }

    fn journal_row(&mut self, key: &[u8], payload: &[u8]) {
        let Some((sequence, part)) = <(u64, u32)>::decode(key) else {
            return self.fault(JOURNAL.id(), key, "the key is malformed".to_owned());
        };
        match self.entry.add(sequence, part, payload) {
            Ok(None) => return,
            Ok(Some(_)) => {}
            Err(error) => self.unordered.push(entry_fault(&error, key)),
        }
        self.entry = Assembly::default();
    }

    fn fault(&mut self, table: u8, key: &[u8], reason: String) {
        self.report.faults.push(Fault { table, key: describe_key(key), reason });
    }

    fn finish(mut self, quiet: bool, last: Sequence, expected: impl Fn(u8) -> u64) -> Report {
        self.report.quiet = quiet;
        if !quiet {
            return self.report;
        }
        if !self.entry.is_empty() {
            let error = self.entry.incomplete();
            self.unordered.push(entry_fault(&error, &[]));
        }
        self.report.faults.append(&mut self.unordered);
        if self.newest > last {
            let reason = format!("the last transaction is {last}, but a row is of {}", self.newest);
            self.fault(META.id(), b"sequence", reason);
        }
        for table in 0..=u8::MAX {
            let expected = expected(table);
            let found = self.counts.get(&table).copied().unwrap_or_default();
            if expected != found && (table == JOURNAL.id() || table >= crate::FIRST_USER_TABLE) {
                self.report.miscounts.push(Miscount { table, expected, found });
            }
        }
        self.report
    }
}

/// The journal's own error as a fault.
fn entry_fault(error: &Error, key: &[u8]) -> Fault {
    match error {
        Error::Corrupted { key, reason, .. } => Fault { table: JOURNAL.id(), key: key.clone(), reason: reason.clone() },
        other => Fault { table: JOURNAL.id(), key: describe_key(key), reason: other.to_string() },
    }
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Error {
    Error::Engine { action: "read every value", source: panic_message(panic.as_ref()).into(), damaged: true }
}

fn directory_bytes(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let Ok(metadata) = entry.metadata() else {
            continue; // gone since it was listed
        };
        bytes += match metadata.is_dir() {
            true => directory_bytes(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
