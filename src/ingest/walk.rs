//! Listing what is to be read under a path: as ripgrep does, honouring `.gitignore` and leaving hidden files out, and never the database
//! itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ignore::WalkBuilder;

use crate::error::{Error, Result};
use crate::ingest::report::Failure;
use crate::ingest::source::Stat;

/// A file changed this recently may change again within the same timestamp, so its time is not trusted.
const RACY: Duration = Duration::from_secs(2);

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its path relative to the path given, with `/`: the id of its document.
    pub(crate) id: String,
    /// What tells whether it changed.
    pub(crate) stat: Stat,
}

/// The files under `path`, which may be a file itself, sorted by id; what could not be listed is in the failures.
///
/// # Errors
/// [`Error::Io`] when there is nothing at `path`.
pub(crate) fn walk(path: &Path, database: &Path) -> Result<(Vec<Found>, Vec<Failure>)> {
    let root = path.canonicalize().map_err(Error::io(path))?;
    let database = database.canonicalize().unwrap_or_else(|_| database.to_path_buf());
    let root_name = root.to_string_lossy().into_owned();
    if root.is_file() {
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok((vec![found(&root, name, &root_name)?], Vec::new()));
    }
    let mut files = Vec::new();
    let mut failures = Vec::new();
    let mut walker = WalkBuilder::new(&root);
    walker.require_git(false).filter_entry(move |entry| entry.path() != database);
    for entry in walker.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                failures.push(Failure { source: path.display().to_string(), reason: error.to_string() });
                continue;
            }
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let id = relative_id(&root, entry.path());
        match found(entry.path(), id.clone(), &root_name) {
            Ok(file) => files.push(file),
            Err(error) => failures.push(Failure { source: id, reason: error.to_string() }),
        }
    }
    files.sort_by(|a, b| a.id.cmp(&b.id));
    Ok((files, failures))
}

/// A folder read as one source, such as a BEIR collection.
///
/// # Errors
/// [`Error::Io`] when there is nothing at `path`.
pub(crate) fn folder(path: &Path, id: &str, changes_with: &Path) -> Result<Found> {
    let root = path.canonicalize().map_err(Error::io(path))?;
    let stat = found(changes_with, id.to_owned(), &root.to_string_lossy())?.stat;
    Ok(Found { path: root, id: id.to_owned(), stat })
}

fn found(path: &Path, id: String, root: &str) -> Result<Found> {
    let metadata = path.metadata().map_err(Error::io(path))?;
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let settled = SystemTime::now().duration_since(modified).is_ok_and(|age| age > RACY);
    let nanoseconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let stat =
        Stat { root: root.to_owned(), length: metadata.len(), modified_ns: if settled { nanoseconds } else { 0 } };
    Ok(Found { path: path.to_path_buf(), id, stat })
}

/// The path below `root` with `/` whatever the system; bytes that are not UTF-8 become replacement characters.
fn relative_id(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_and_what_is_ignored_stay_out() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["a.md", "sub/b.md", "sub/ignored.md", "neodex.db/FORMAT", ".hidden.md"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        }
        std::fs::write(dir.path().join(".gitignore"), "ignored.md\n").unwrap();
        let (files, failures) = walk(dir.path(), &dir.path().join("neodex.db")).unwrap();
        assert_eq!(files.iter().map(|file| file.id.as_str()).collect::<Vec<_>>(), ["a.md", "sub/b.md"]);
        assert!(failures.is_empty());
        assert!(files.iter().all(|file| file.stat.modified_ns == 0), "just written, so not to be trusted");
        assert!(walk(&dir.path().join("nothing"), dir.path()).is_err());
    }
}
