//! One file of the hub's into the cache: by its hash, gone on with where it was broken off, checked before it counts.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::checksum;
use super::client::{Client, Head};
use super::repository::Repository;

/// Times in a row that nothing more came of a file.
const PATIENCE: u32 = 5;
/// Before the second try; then twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);
const BLOCK: usize = 1 << 16;

/// A file to bring.
pub(super) struct Wanted<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) repository: &'a Repository,
    pub(super) commit: &'a str,
    pub(super) path: &'a str,
}

impl Wanted<'_> {
    /// Makes sure that the bytes of `head` are in `blobs`, and returns where. `seen` is told how many bytes of the file are there.
    pub(super) fn bring(&self, head: &Head, blobs: &Path, seen: &mut dyn FnMut(u64)) -> Result<PathBuf> {
        let blob = blobs.join(&head.etag);
        if blob.is_file() {
            seen(blob.metadata().map(|data| data.len()).unwrap_or(0));
            return Ok(blob);
        }
        let part = blobs.join(format!("{}.incomplete", head.etag));
        let mut file = OpenOptions::new().create(true).append(true).open(&part).with_context(|| cannot_write(&part))?;
        // Two programs that bring the same file would write into each other's.
        file.lock().with_context(|| format!("cannot lock {}", part.display()))?;
        if blob.is_file() {
            return Ok(blob);
        }
        for again in [false, true] {
            self.fill(head, &mut file, &part, seen)?;
            file.sync_all().with_context(|| cannot_write(&part))?;
            let fits = checksum::fits(&part, &head.etag).with_context(|| format!("cannot read {}", part.display()))?;
            if fits {
                fs::rename(&part, &blob).with_context(|| cannot_write(&blob))?;
                return Ok(blob);
            }
            // What was there from another time may have been wrong; what was brought just now may not.
            file.set_len(0).with_context(|| cannot_write(&part))?;
            if again {
                break;
            }
        }
        fs::remove_file(&part).ok();
        Err(anyhow!(
            "{} of {} came with another checksum than the hub names; try again later",
            self.path,
            self.repository
        ))
    }

    /// Brings what is missing of the file.
    fn fill(&self, head: &Head, file: &mut File, part: &Path, seen: &mut dyn FnMut(u64)) -> Result<()> {
        let mut failures = 0;
        loop {
            let mut have = file.seek(SeekFrom::End(0)).with_context(|| cannot_write(part))?;
            if head.size.is_some_and(|size| have > size) {
                file.set_len(0).with_context(|| cannot_write(part))?;
                have = 0;
            }
            seen(have);
            if head.size == Some(have) {
                return Ok(());
            }
            let end = self.go_on(file, part, have, seen);
            let now = file.seek(SeekFrom::End(0)).with_context(|| cannot_write(part))?;
            let error = match end {
                Ok(()) if head.size.is_none_or(|size| size == now) => return Ok(()),
                Ok(()) => anyhow!("the connection ended early"),
                // What the user has to mend does not mend itself.
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Broken(error)) => error,
            };
            failures = if now > have { 0 } else { failures + 1 };
            if failures >= PATIENCE {
                let at = format!(
                    "{} of {} broke off after {now} bytes; run it again to go on there",
                    self.path, self.repository
                );
                return Err(error.context(at));
            }
            thread::sleep(PAUSE * 2_u32.pow(failures));
        }
    }

    /// Writes what comes behind the first `have` bytes.
    fn go_on(&self, file: &mut File, path: &Path, have: u64, seen: &mut dyn FnMut(u64)) -> Result<(), Failure> {
        let written = |error: std::io::Error| Failure::Final(anyhow::Error::from(error).context(cannot_write(path)));
        let mut part = self.client.bytes(self.repository, self.commit, self.path, have).map_err(Failure::of)?;
        if part.start < have {
            file.set_len(part.start).map_err(written)?;
        }
        let (mut at, mut block) = (part.start, vec![0; BLOCK]);
        loop {
            let read = part.bytes.read(&mut block).map_err(|error| Failure::Broken(error.into()))?;
            if read == 0 {
                return Ok(());
            }
            file.write_all(block.get(..read).unwrap_or_default()).map_err(written)?;
            at += read as u64;
            seen(at);
        }
    }
}

/// Why no more came.
enum Failure {
    /// It may go on.
    Broken(anyhow::Error),
    /// It will not.
    Final(anyhow::Error),
}

impl Failure {
    fn of(error: anyhow::Error) -> Self {
        match crate::exit::is_usage(&error) {
            true => Self::Final(error),
            false => Self::Broken(error),
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
