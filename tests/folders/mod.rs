//! Folders for tests that damage or change a database and want the one before it, too.

use std::fs;
use std::path::Path;

/// Copies a folder with everything in it, in place of what is there. Files that go meanwhile are passed over.
pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if let Err(error) = fs::copy(entry.path(), to) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}
