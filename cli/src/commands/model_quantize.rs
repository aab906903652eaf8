//! `neodex model quantize`: a model's folder again, with its weights in 8-bit integers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use neodex_encoder::{ModelFolder, quantize};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;

/// Store a model's weights in 8-bit integers.
///
/// Makes the folder OUT with every file of the model but the weights, and in their place one model.safetensors of about a byte a parameter:
/// codes with a scale for each output channel. The language-model head is left out. With precision int8 the new model's vectors are the
/// old one's to the bit; its fingerprint is another.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex model quantize models/neobert models/neobert-int8")]
pub(crate) struct ModelQuantizeArgs {
    /// The model's folder, or the name of an installed one.
    dir: String,
    /// The folder to make, which must not be there yet.
    out: PathBuf,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ModelQuantizeArgs) -> Result<Status> {
    let from = model::find_folder(&args.dir)?;
    if args.out.exists() {
        return Err(usage(format!("{} is there already; name a folder to be made", args.out.display())));
    }
    let refused = |error: neodex_encoder::Error| usage(format!("{}: {error}", from.display()));
    let folder = ModelFolder::open(&from).map_err(refused)?;
    let files = folder.read().map_err(refused)?;
    let weights = quantize(&files).map_err(refused)?;
    let before: usize = files.weights.iter().map(|shard| shard.len()).sum();

    // The layout of the folder stays, so that whatever is beside the files read here (a card, a licence) goes with them.
    copy(&from, &args.out, &folder.weights)?;
    let home = folder.config.parent().unwrap_or(&from);
    let home = args.out.join(home.strip_prefix(&from).unwrap_or(Path::new("")));
    let file = home.join("model.safetensors");
    fs::write(&file, &weights).with_context(|| format!("cannot write {}", file.display()))?;

    if context.output.json {
        context.output.print_json(&json!({"path": args.out, "bytes": weights.len(), "bytes_before": before}))?;
    } else {
        context.output.print(format!("{}: {} bytes of weights, before {before}", args.out.display(), weights.len()))?;
    }
    Ok(Status::Done)
}

/// Copies a folder without the files `left_out` and the index that names them.
fn copy(from: &Path, to: &Path, left_out: &[PathBuf]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", from.display()))?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            // Neither a repository's innards nor a link's loop is part of a model.
            if !name.to_string_lossy().starts_with('.') && !path.is_symlink() {
                copy(&path, &to.join(name), left_out)?;
            }
        } else if !left_out.contains(&path) && name != "model.safetensors.index.json" {
            fs::copy(&path, to.join(name)).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
