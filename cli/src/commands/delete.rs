//! `neodex delete`: documents by name, or all that pass a filter.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::Status;
use crate::units;

/// Delete documents by id or by filter.
///
/// Prints how many there were. The exit status is 1 when there was none, or one that was named is not there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex delete old/notes.md drafts/a.md\n  neodex delete --filter \"year < 2010\"")]
pub(crate) struct DeleteArgs {
    /// Ids of documents.
    #[arg(required_unless_present = "filter", conflicts_with = "filter", value_name = "ID")]
    ids: Vec<String>,
    /// Delete every document whose metadata passes.
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &DeleteArgs) -> Result<Status> {
    let database = context.open_existing()?;
    let mut missing = Vec::new();
    let deleted = match &args.filter {
        Some(filter) => database.delete_where(filter)?,
        None => {
            let mut deleted = 0;
            for id in &args.ids {
                match database.delete(id)? {
                    true => deleted += 1,
                    false => missing.push(id),
                }
            }
            deleted
        }
    };
    database.flush()?;
    for id in &missing {
        context.output.note(format!("there is no document `{id}`"));
    }
    if context.output.json {
        context.output.print_json(&json!({"deleted": deleted, "missing": missing}))?;
    } else {
        context.output.print(format!("{} deleted", units::plural(deleted, "document")))?;
    }
    Ok(if deleted > 0 && missing.is_empty() { Status::Done } else { Status::Partly })
}
