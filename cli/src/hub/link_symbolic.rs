//! A file of a snapshot as a link to its bytes, as `huggingface_hub` makes them.

use std::io;
use std::path::{Path, PathBuf};

/// Makes `at`, `depth` folders below its repository's, a relative link to `blob` in the repository's `blobs`.
pub(super) fn link(blob: &Path, at: &Path, depth: usize) -> io::Result<()> {
    let mut target = PathBuf::new();
    (0..depth).for_each(|_| target.push(".."));
    target.push("blobs");
    target.push(blob.file_name().unwrap_or_default());
    match std::fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, at)
}
