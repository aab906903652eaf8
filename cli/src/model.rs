//! Which model a command works with: the one named, else the one the database was made with, else none. Nothing random stands in for
//! a model that is not there.

use std::path::{Path, PathBuf};

use anyhow::Result;
use neodex::{NeoBert, load_model, model_folder};

use crate::cache;
use crate::context::Context;
use crate::exit::usage;

/// What became of the wish for a model.
#[derive(Debug)]
pub(crate) enum Choice {
    /// It is loaded.
    Loaded(Box<NeoBert>),
    /// The database was made with one whose folder is gone.
    Gone(PathBuf),
    /// Nobody named one.
    None,
}

impl Choice {
    /// What to tell the user where there is no model.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Choice::Loaded(_) => None,
            Choice::Gone(folder) => Some(format!(
                "the model the database was made with is not in {} any more: words only (say where it is with --model DIR)",
                folder.display()
            )),
            Choice::None => Some("no model: searching by words only (give one with --model DIR)".to_owned()),
        }
    }

    /// The model, if there is one.
    pub(crate) fn loaded(self) -> Option<NeoBert> {
        match self {
            Choice::Loaded(model) => Some(*model),
            Choice::Gone(_) | Choice::None => None,
        }
    }
}

/// The model to use with `database`, which need not exist.
pub(crate) fn choose(context: &Context, database: Option<&Path>) -> Result<Choice> {
    if let Some(named) = &context.settings.model {
        return load(context, &find(named)?).map(|model| Choice::Loaded(Box::new(model)));
    }
    let Some(folder) = database.map(model_folder).transpose()?.flatten() else { return Ok(Choice::None) };
    if !folder.is_dir() {
        return Ok(Choice::Gone(folder));
    }
    load(context, &folder).map(|model| Choice::Loaded(Box::new(model)))
}

/// A model for a command that cannot do without.
pub(crate) fn require(context: &Context, doing: &str) -> Result<NeoBert> {
    match choose(context, Some(&context.settings.db))? {
        Choice::Loaded(model) => Ok(*model),
        Choice::Gone(folder) => {
            let folder = folder.display();
            Err(usage(format!(
                "{doing} needs a model, and the database's own is not in {folder} any more; give one with --model DIR"
            )))
        }
        Choice::None => Err(usage(format!("{doing} needs a model; give one with --model DIR"))),
    }
}

/// Loads the model in `folder`.
pub(crate) fn load(context: &Context, folder: &Path) -> Result<NeoBert> {
    context.output.detail(format!("model {} on {}", folder.display(), context.settings.device));
    let model = load_model(folder, &context.settings.device)
        .map_err(|error| usage(format!("cannot load the model in {}: {error}", folder.display())))?;
    if let Some(notice) = &model.info().notice {
        context.output.note(notice);
    }
    Ok(model)
}

/// The folder of a model given by folder or by name.
pub(crate) fn find(named: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(named);
    if folder.is_dir() {
        return Ok(folder);
    }
    let is_name = !named.is_empty() && folder.components().count() == 1 && !named.starts_with('.');
    if let Some(installed) = cache::models().map(|models| models.join(named)).filter(|path| is_name && path.is_dir()) {
        return Ok(installed);
    }
    let known = match installed() {
        known if known.is_empty() => "no model is installed".to_owned(),
        known => format!("installed: {}", known.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    Err(usage(format!("`{named}` is neither a model's folder nor the name of an installed model ({known})")))
}

/// The installed models, name and folder, by name.
pub(crate) fn installed() -> Vec<(String, PathBuf)> {
    let entries = cache::models().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut models: Vec<(String, PathBuf)> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, path)| !name.starts_with('.') && path.is_dir())
        .collect();
    models.sort();
    models
}
