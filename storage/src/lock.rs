//! `LOCK`: one opener at a time, whether the last one stopped cleanly, and how far the store had come.
//!
//! The lock itself is the operating system's, so it goes away with the process however that ends. The file's text is a
//! note to the next opener: `process 4711, transaction 12` while the database is open (so whoever gets the lock and
//! reads that knows of a crash), `closed, transaction 34` after a clean stop. A store that ends before the transaction
//! noted has lost some: sled, on finding its file damaged, may go back to an earlier state without a word.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::durability::sync_file;
use crate::error::{Error, Result};
use crate::sequence::Sequence;

/// The held lock of a database; dropping it lets the next opener in.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    found: Note,
}

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Note {
    /// Who has, or had, the database open.
    pid: Option<u32>,
    /// Whether it was closed.
    closed: bool,
    /// A transaction that was on the disk by then.
    sequence: Sequence,
}

impl Lock {
    /// Takes the lock of the database in `dir`.
    ///
    /// # Errors
    /// [`Error::Locked`] while anyone else holds it.
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join("LOCK");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: dir.to_path_buf(), pid: Note::read(&mut file).pid });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        let found = Note::read(&mut file);
        let mut lock = Self { file, path, found };
        lock.mark_open(found.sequence)?;
        Ok(lock)
    }

    /// Whether the last holder never said that it had finished.
    pub(crate) fn was_unclean(&self) -> bool {
        !self.found.closed
    }

    /// The store must have come at least this far.
    pub(crate) fn known_sequence(&self) -> Sequence {
        self.found.sequence
    }

    /// Notes that the database is open and how far it has come.
    pub(crate) fn mark_open(&mut self, sequence: Sequence) -> Result<()> {
        let pid = std::process::id();
        self.write(&format!("process {pid}, transaction {sequence}\n"))
    }

    /// Notes that everything up to here is on the disk and nothing more will be written.
    pub(crate) fn mark_closed(&mut self, sequence: Sequence) -> Result<()> {
        self.write(&format!("closed, transaction {sequence}\n"))
    }

    /// Leaves the note as it was found, for an opener that gave up.
    pub(crate) fn put_back(&mut self) -> Result<()> {
        match self.found.closed {
            true => self.mark_closed(self.found.sequence),
            false => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .map_err(Error::io("write", &self.path))?;
        sync_file(&self.file, &self.path)
    }
}

impl Note {
    /// Reads the note; one that makes no sense (a crash while it was written) says nothing but that there was a crash.
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        match file.take(100).read_to_string(&mut text) {
            // A new file: nobody was here before.
            Ok(0) => Self { closed: true, ..Self::default() },
            _ => Self::parse(&text).unwrap_or_default(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (who, sequence) = text.strip_suffix('\n')?.split_once(", transaction ")?;
        let closed = who == "closed";
        Some(Self {
            pid: who.strip_prefix("process ").and_then(|pid| pid.parse().ok()),
            closed,
            sequence: Sequence(sequence.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn one_holder_at_a_time_and_crashes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::acquire(dir.path()).unwrap();
        assert!(!first.was_unclean());
        let second = Lock::acquire(dir.path());
        assert!(matches!(second, Err(Error::Locked { pid, .. }) if pid == Some(std::process::id())));

        drop(first);
        let mut third = Lock::acquire(dir.path()).unwrap();
        assert!(third.was_unclean());
        third.mark_closed(Sequence(5)).unwrap();
        drop(third);
        let mut fourth = Lock::acquire(dir.path()).unwrap();
        assert!(!fourth.was_unclean());
        assert_eq!(fourth.known_sequence(), Sequence(5));
        fourth.put_back().unwrap();
        drop(fourth);
        let mut fifth = Lock::acquire(dir.path()).unwrap();
        assert!(!fifth.was_unclean());
        fifth.mark_open(Sequence(9)).unwrap();
        drop(fifth);
        let sixth = Lock::acquire(dir.path()).unwrap();
        assert!(sixth.was_unclean());
        assert_eq!(sixth.known_sequence(), Sequence(9));
    }

    #[test]
    fn a_file_without_a_pid_is_survived() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::acquire(dir.path()).unwrap();
        std::fs::write(dir.path().join("LOCK"), b"\xff not a number").unwrap();
        let second = Lock::acquire(dir.path());
        assert!(matches!(second, Err(Error::Locked { pid: None, .. })));
        drop(held);
        let next = Lock::acquire(dir.path()).unwrap();
        assert!(next.was_unclean());
        assert_eq!(next.known_sequence(), Sequence::ZERO);
    }
}
