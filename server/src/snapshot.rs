//! The one place where the server asks the library for a consistent copy.

use std::path::Path;

use neodex::Database;

use crate::refusal::Refusal;

/// Writes a consistent copy of the database to a new file while writers go on.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(db: &Database, file: &Path) -> Result<(), Refusal> {
    db.snapshot_create(file, &mut |_| ())?;
    Ok(())
}
