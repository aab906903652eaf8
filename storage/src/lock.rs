//! `LOCK`: one opener at a time, whether the last one stopped cleanly, and how far the store had come.
//!
//! The lock itself is the operating system's, so it goes away with the process however that ends. The file's text is a
//! note to the next opener: `process 4711, transaction 12, database 5f0e...` while the database is open (so whoever gets
//! the lock and reads that knows of a crash), `closed, transaction 34, database 5f0e...` after a clean stop. A store that
//! ends before the transaction noted has lost some: sled, on finding its file damaged, may go back to an earlier state
//! without a word. A note of another database says nothing: an older state was restored over it on purpose.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::durability::sync_file;
use crate::error::{Error, Result};
use crate::identity::DatabaseId;
use crate::sequence::Sequence;

/// How long to wait for a lock that nobody claims: a process that another thread starts holds a copy of every open file for a moment, and so a
/// lock that has just been given back.
const PATIENCE: Duration = Duration::from_secs(2);

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
    /// Of which database; format 1 did not say.
    database: Option<DatabaseId>,
}

impl Lock {
    /// Takes the lock of the database in `dir`.
    ///
    /// # Errors
    /// [`Error::Locked`] while anyone else holds it and does not say that it is done.
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join("LOCK");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let asked = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let note = Note::read(&mut file);
                    if !note.closed || asked.elapsed() > PATIENCE {
                        return Err(Error::Locked { path: dir.to_path_buf(), pid: note.pid });
                    }
                    // Whoever holds it says that it is done.
                    std::thread::sleep(Duration::from_millis(5));
                    file.seek(SeekFrom::Start(0)).map_err(Error::io("read", &path))?;
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
            }
        }
        let found = Note::read(&mut file);
        let mut lock = Self { file, path, found };
        lock.write_open(found.sequence, found.database)?;
        Ok(lock)
    }

    /// Whether the last holder never said that it had finished.
    pub(crate) fn was_unclean(&self) -> bool {
        !self.found.closed
    }

    /// This database's store must have come at least this far.
    pub(crate) fn known_sequence(&self, database: DatabaseId) -> Sequence {
        match self.found.database {
            Some(other) if other != database => Sequence::ZERO,
            _ => self.found.sequence,
        }
    }

    /// Notes that the database is open and how far it has come.
    pub(crate) fn mark_open(&mut self, sequence: Sequence, database: DatabaseId) -> Result<()> {
        self.write_open(sequence, Some(database))
    }

    /// Notes that everything up to here is on the disk and nothing more will be written.
    pub(crate) fn mark_closed(&mut self, sequence: Sequence, database: DatabaseId) -> Result<()> {
        self.write_note("closed", sequence, Some(database))
    }

    /// Leaves the note as it was found, for an opener that gave up.
    pub(crate) fn put_back(&mut self) -> Result<()> {
        match self.found.closed {
            true => self.write_note("closed", self.found.sequence, self.found.database),
            false => Ok(()),
        }
    }

    fn write_open(&mut self, sequence: Sequence, database: Option<DatabaseId>) -> Result<()> {
        self.write_note(&format!("process {}", std::process::id()), sequence, database)
    }

    fn write_note(&mut self, who: &str, sequence: Sequence, database: Option<DatabaseId>) -> Result<()> {
        let database = database.map_or_else(String::new, |database| format!(", database {database}"));
        self.write(&format!("{who}, transaction {sequence}{database}\n"))
    }

    fn write(&mut self, text: &str) -> Result<()> {
        // Over the old note, and only then shorter: on a full disk, or cut short, there is the old one or the new one.
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.set_len(text.len() as u64))
            .map_err(Error::io("write", &self.path))?;
        sync_file(&self.file, &self.path)
    }
}

impl Note {
    /// Reads the note; one that makes no sense (a crash while it was written) says nothing but that there was a crash.
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        match file.take(200).read_to_string(&mut text) {
            // A new file: nobody was here before.
            Ok(0) => Self { closed: true, ..Self::default() },
            _ => Self::parse(text.split_inclusive('\n').next().unwrap_or_default()).unwrap_or_default(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (who, sequence) = text.strip_suffix('\n')?.split_once(", transaction ")?;
        let (sequence, database) = match sequence.split_once(", database ") {
            Some((sequence, database)) => (sequence, Some(DatabaseId::parse(database)?)),
            None => (sequence, None),
        };
        let closed = who == "closed";
        Some(Self {
            pid: who.strip_prefix("process ").and_then(|pid| pid.parse().ok()),
            closed,
            sequence: Sequence(sequence.parse().ok()?),
            database,
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
        let (ours, theirs) = (DatabaseId::random(), DatabaseId::random());
        let first = Lock::acquire(dir.path()).unwrap();
        assert!(!first.was_unclean());
        let second = Lock::acquire(dir.path());
        assert!(matches!(second, Err(Error::Locked { pid, .. }) if pid == Some(std::process::id())));

        drop(first);
        let mut third = Lock::acquire(dir.path()).unwrap();
        assert!(third.was_unclean());
        third.mark_closed(Sequence(5), ours).unwrap();
        drop(third);
        let mut fourth = Lock::acquire(dir.path()).unwrap();
        assert!(!fourth.was_unclean());
        assert_eq!(fourth.known_sequence(ours), Sequence(5));
        assert_eq!(fourth.known_sequence(theirs), Sequence::ZERO);
        fourth.put_back().unwrap();
        drop(fourth);
        let mut fifth = Lock::acquire(dir.path()).unwrap();
        assert!(!fifth.was_unclean());
        fifth.mark_open(Sequence(9), ours).unwrap();
        drop(fifth);
        let sixth = Lock::acquire(dir.path()).unwrap();
        assert!(sixth.was_unclean());
        assert_eq!(sixth.known_sequence(ours), Sequence(9));
    }

    #[test]
    fn a_lock_that_nobody_claims_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::acquire(dir.path()).unwrap();
        lock.mark_closed(Sequence(5), DatabaseId::random()).unwrap();
        // As a process has it that is being started while the lock is given back.
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        let holder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(copy);
        });
        assert!(!Lock::acquire(dir.path()).unwrap().was_unclean());
        holder.join().unwrap();
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
        assert_eq!(next.known_sequence(DatabaseId::random()), Sequence::ZERO);
    }
}
