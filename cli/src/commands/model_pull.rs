//! `neodex model pull`: a model from a Hugging Face compatible hub.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;
use neodex_encoder::{Error, ModelFolder, architecture_of};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::hub::{self, Place, Pulled, Repository};
use crate::progress::Progress;
use crate::units;

/// Bring a model from a Hugging Face compatible hub.
///
/// The files go into the hub's usual cache, where Python finds them, too, and nothing is brought twice; afterwards --model REPO names the model. A
/// transfer that was broken off goes on where it stopped, and every file is checked against the hub's checksum. Only what is needed is
/// brought: configuration, tokenizer, weights in safetensors format. A model of a kind that is not supported is refused before its weights come.
///
/// HF_ENDPOINT names another hub, HF_TOKEN opens private and gated repositories, HF_HOME or HF_HUB_CACHE say where the cache is, and with
/// HF_HUB_OFFLINE=1 only the cache is looked at. HTTPS_PROXY is honoured.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex model pull sentence-transformers/all-MiniLM-L6-v2\n  neodex ingest docs --model sentence-transformers/all-MiniLM-L6-v2"
)]
pub(crate) struct ModelPullArgs {
    /// The repository, like BAAI/bge-small-en-v1.5.
    #[arg(value_name = "REPO")]
    repository: String,
    /// Its branch, tag or commit.
    #[arg(long, value_name = "REVISION", default_value = "main")]
    revision: String,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ModelPullArgs) -> Result<Status> {
    let repository = Repository::parse(&args.repository)?;
    let place = Place::of_environment().ok_or_else(|| usage("no folder for the cache: set HF_HOME or HOME"))?;
    let pulled = match place.snapshot(&repository, &args.revision).filter(|_| place.offline) {
        Some(folder) => {
            let commit = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Pulled { folder, commit, bytes: 0, brought: 0 }
        }
        None => {
            let progress = Progress::bytes(&context.output, repository.to_string());
            let told = |done, total| progress.of(done, total);
            let pulled = hub::pull(&place, &repository, &args.revision, &check, &told);
            progress.finish();
            pulled?
        }
    };
    ModelFolder::open(&pulled.folder).map_err(|error| usage(format!("{repository}: {error}")))?;
    let Pulled { folder, commit, bytes, brought } = &pulled;
    if context.output.json {
        context.output.print_json(&json!({
            "repository": repository.to_string(), "revision": args.revision, "commit": commit, "path": folder, "bytes": bytes, "bytes_brought": brought,
        }))?;
        return Ok(Status::Done);
    }
    context.output.print(folder.display())?;
    let came = match (brought, bytes) {
        (0, _) => "it was here already".to_owned(),
        (brought, bytes) if brought == bytes => format!("{} came", units::bytes(*bytes)),
        (brought, bytes) => format!("{} of its {} came", units::bytes(*brought), units::bytes(*bytes)),
    };
    context.output.note(format!("{repository} at {commit}: {came}; use it with --model {repository}"));
    Ok(Status::Done)
}

/// Refuses a model that could not be read with its weights either.
fn check(folder: &Path) -> Result<()> {
    let config = ["config.json", "0_Transformer/config.json"].map(|name| folder.join(name));
    let config = config.iter().find(|path| path.is_file()).context("the repository has no config.json")?;
    let bytes = std::fs::read(config).with_context(|| format!("cannot read {}", config.display()))?;
    architecture_of(&bytes).map_err(|error| usage(error.to_string()))?;
    match ModelFolder::open(folder) {
        Err(Error::MissingFile { path, .. }) if path.extension().is_some_and(|ending| ending == "safetensors") => {
            Ok(())
        }
        Err(error) => Err(usage(error.to_string())),
        Ok(_) => Ok(()),
    }
}
