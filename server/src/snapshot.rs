//! The one place where the server asks the library for a consistent copy.

use std::path::Path;

use neodex::Database;

use crate::refusal::{Code, Refusal};

/// Writes a consistent copy of the database to a new file while writers go on.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(_db: &Database, _file: &Path) -> Result<(), Refusal> {
    Err(Refusal::new(
        Code::NotImplemented,
        "this version has no snapshots yet; stop the server and copy the database's folder",
    ))
}
