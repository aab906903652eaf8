//! Making sure that what was written is on the disk: files and the folders that name them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::failpoint::reach;

/// Forces a file's bytes and size to the disk.
pub(crate) fn sync_file(file: &File, path: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("sync", path))
}

/// Forces a folder's list of names to the disk, so that a file made or renamed in it is still there after a power cut.
#[cfg(unix)]
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let directory = File::open(path).map_err(Error::io("open", path))?;
    sync_file(&directory, path)
}

/// Folders cannot be synced on this system; it orders such changes by itself.
#[cfg(not(unix))]
pub(crate) fn sync_directory(_: &Path) -> Result<()> {
    Ok(())
}

/// Forces every file of a folder, and the list of their names, to the disk.
pub(crate) fn sync_files(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        if path.is_file() {
            let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
            sync_file(&file, &path)?;
        }
    }
    sync_directory(folder)
}

/// Makes a folder and those above it, each durably.
pub(crate) fn create_directory(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent(path);
    create_directory(parent)?;
    match fs::create_dir(path) {
        Ok(()) => sync_directory(parent),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// Renames a file or folder within one folder, durably.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::io("rename", from))?;
    sync_directory(parent(to))
}

/// Replaces a file as a whole: after a crash at any moment it holds either the old bytes or the new ones.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&temporary)
        .map_err(Error::io("create", &temporary))?;
    file.write_all(bytes).map_err(Error::io("write", &temporary))?;
    reach("file.written");
    sync_file(&file, &temporary)?;
    drop(file);
    reach("file.synced");
    rename(&temporary, path)?;
    reach("file.renamed");
    Ok(())
}

/// Removes a folder with everything in it, if it is there.
pub(crate) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The folder that names this path.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn folders_are_made_and_files_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_directory(&deep).unwrap();
        create_directory(&deep).unwrap();
        sync_directory(&deep).unwrap();

        let file = deep.join("FORMAT");
        for text in ["first, which is longer", "second"] {
            replace_file(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 1);
    }

    #[test]
    fn failures_name_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let error = replace_file(&missing.join("FORMAT"), b"x").unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
        fs::write(&missing, b"a file").unwrap();
        assert!(create_directory(&missing.join("below")).is_err());
    }
}
