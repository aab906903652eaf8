//! `neodex get`: one document back, exactly as it was parsed.

use anyhow::Result;
use clap::Args;

use crate::context::Context;
use crate::exit::Status;

/// Print one document: title, metadata and text as parsed.
///
/// With --json the document is one JSON object, exactly as stored. The exit status is 1 when there is no such document.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex get guide/install.md\n  neodex get guide/install.md --json")]
pub(crate) struct GetArgs {
    /// The document's id, as `search` shows it.
    id: String,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &GetArgs) -> Result<Status> {
    let output = &context.output;
    let Some(document) = context.open_existing()?.get(&args.id)? else {
        output.note(format!("there is no document `{}`", args.id));
        return Ok(Status::Partly);
    };
    if output.json {
        output.print_json(&document)?;
        return Ok(Status::Done);
    }
    let mut head = Vec::new();
    if !document.title.is_empty() {
        head.push(output.styled("1", &output.shown(&document.title)));
    }
    for (key, value) in document.metadata.iter() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        head.push(format!("{}: {}", output.styled("36", &output.shown(key)), output.shown(&value)));
    }
    if !head.is_empty() {
        output.print(format!("{}\n", head.join("\n")))?;
    }
    output.print(output.shown(&document.text))?;
    Ok(Status::Done)
}
