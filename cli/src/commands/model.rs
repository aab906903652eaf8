//! `neodex model`: what a model is, and which are installed.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use neodex::has_bundled_model;
use neodex_eval::Table;
use serde_json::{Value, json};

use crate::cache;
use crate::context::Context;
use crate::exit::Status;
use crate::model;

/// Print what a model is.
///
/// Its architecture, sizes, pooling, prompts, and the fingerprint that ties a database's vectors to it. Without DIR, the model of --model
/// or of the database, else the bundled one.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex model info models/neobert\n  neodex model info --db notes.db --json")]
pub(crate) struct ModelInfoArgs {
    /// The model's folder, or the name of an installed one; `small` is the bundled one.
    dir: Option<String>,
}

/// Runs `model info`.
pub(crate) fn info(context: &Context, args: &ModelInfoArgs) -> Result<Status> {
    let model = match &args.dir {
        Some(dir) => model::load(context, &model::find(dir)?)?,
        None => model::require(context, "`model info` without a folder")?,
    };
    let info = model.info();
    if context.output.json {
        context.output.print_json(info)?;
        return Ok(Status::Done);
    }
    let mut table = Table::new(["model", &info.name]);
    if let Value::Object(fields) = serde_json::to_value(info)? {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "name") {
            let (name, value) = (name.replace('_', " "), value);
            match value {
                Value::Object(parts) => {
                    for (part, value) in parts {
                        table.row([format!("{name}: {part}"), value.to_string()]);
                    }
                }
                Value::String(text) => drop(table.row([name, text.clone()])),
                other => drop(table.row([name, other.to_string()])),
            }
        }
    }
    context.output.print(table)?;
    Ok(Status::Done)
}

/// Runs `model list`.
pub(crate) fn list(context: &Context) -> Result<Status> {
    let bundled = has_bundled_model().then_some((model::BUNDLED.to_owned(), None));
    let installed = model::installed().into_iter().map(|(name, folder)| (name, Some(folder)));
    let models: Vec<_> = bundled.into_iter().chain(installed).collect();
    if context.output.json {
        let object = |(name, folder): &(String, Option<PathBuf>)| json!({"name": name, "path": folder, "bundled": folder.is_none()});
        context.output.print_json(&models.iter().map(object).collect::<Vec<Value>>())?;
    } else if !models.is_empty() {
        let mut table = Table::new(["model", "folder"]);
        for (name, folder) in &models {
            let place =
                folder.as_ref().map_or("bundled with this program".to_owned(), |folder| folder.display().to_string());
            table.row([name.clone(), place]);
        }
        context.output.print(table)?;
    }
    if !models.is_empty() {
        return Ok(Status::Done);
    }
    let place = cache::models().map_or("the folder of models".to_owned(), |folder| folder.display().to_string());
    context
        .output
        .note(format!("no model is installed; put a model's folder into {place}, or give one with --model DIR"));
    Ok(Status::Partly)
}
