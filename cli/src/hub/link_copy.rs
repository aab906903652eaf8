//! A file of a snapshot as a copy of its bytes, where links may take rights that users do not have.

use std::io;
use std::path::Path;

/// Copies `blob` to `at`.
pub(super) fn link(blob: &Path, at: &Path, _depth: usize) -> io::Result<()> {
    std::fs::copy(blob, at).map(|_| ())
}
