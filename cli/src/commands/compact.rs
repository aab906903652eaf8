//! `neodex compact`: the room of what was deleted and replaced, back to the disk.

use anyhow::Result;

use crate::context::Context;
use crate::exit::Status;
use crate::progress::Progress;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let database = context.open_existing()?;
    let progress = Progress::steps(&context.output, "rows copied", None);
    let compaction = database.compact(&mut |rows| progress.at(rows));
    progress.finish();
    let compaction = compaction?;
    if context.output.json {
        context.output.print_json(&compaction)?;
    } else {
        let (before, after) = (units::bytes(compaction.before_bytes), units::bytes(compaction.after_bytes));
        context.output.print(format!("the store takes {after} on disk, {before} before"))?;
    }
    Ok(Status::Done)
}
