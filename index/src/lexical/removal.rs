//! Taking a word index away, while the last threads of one that was just closed may still write into its folder.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Removes the index in `folder`; nothing where there is none. It is moved aside first: a merge that is still under way then finds no folder to
/// write into, instead of filling one that is being emptied.
///
/// # Errors
/// The system's.
pub fn remove_index(folder: &Path) -> io::Result<()> {
    let aside = aside(folder);
    remove(&aside)?;
    match fs::rename(folder, &aside) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => remove(&aside),
    }
}

fn aside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".old");
    folder.with_file_name(name)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_index_goes_with_what_an_interrupted_removal_left() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("lexical");
        remove_index(&folder).unwrap();
        for place in ["lexical/meta.json", "lexical.old/segment"] {
            fs::create_dir_all(dir.path().join(place).parent().unwrap()).unwrap();
            fs::write(dir.path().join(place), "x").unwrap();
        }
        remove_index(&folder).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
