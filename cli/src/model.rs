//! Which model a command works with: the one named, else the one the database was made with, else the bundled one. Nothing random stands in
//! for a model that is not there.

use std::path::{Path, PathBuf};

use anyhow::Result;
use neodex::{
    DatabaseModel, Embedder, NeoBert, bundled_files, bundled_model_with, database_model, has_bundled_model,
    load_model_with,
};
use neodex_encoder::{ModelFiles, ModelFolder, Options};

use crate::cache;
use crate::context::Context;
use crate::exit::usage;
use crate::hub::{Place, Repository};

/// What the bundled model is called.
pub(crate) const BUNDLED: &str = "small";
/// What stands for no model at all.
const NOTHING: &str = "none";

/// What became of the wish for a model.
#[derive(Debug)]
pub(crate) enum Choice {
    /// It is loaded.
    Loaded(Box<NeoBert>),
    /// The database was made with one that is not to be found any more: its name, or the folder it was in.
    Gone(String),
    /// The database was made with the model of an earlier program; this one has another in its place.
    Outgrown,
    /// The database was made to be without.
    WordsOnly,
    /// Somebody asked for none.
    Refused,
    /// There is none: this program was built without.
    Missing,
}

/// A model as it can be named.
pub(crate) enum Named {
    /// By its folder, or by the name of an installed one or of one brought from the hub.
    Folder(PathBuf),
    /// The one in the binary.
    Bundled,
}

impl Choice {
    /// What to tell the user where there is no model.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Choice::Loaded(_) | Choice::Refused => None,
            Choice::Gone(what) => Some(format!(
                "no model: the one the database was made with ({what}) is not there any more, so this goes by words only \
                 (say where it is with --model DIR, or make new vectors with `neodex reembed`)"
            )),
            Choice::Outgrown => Some(
                "no model: the database's vectors are of an earlier bundled model, and this program has a newer one, so this goes by words only \
                 until `neodex reembed` has made new vectors"
                    .to_owned(),
            ),
            Choice::WordsOnly => {
                Some("no model: the database was made without one, so this goes by words only (give one with --model DIR|NAME)".to_owned())
            }
            Choice::Missing => Some("no model: searching by words only (give one with --model DIR)".to_owned()),
        }
    }

    /// The model, if there is one.
    pub(crate) fn loaded(self) -> Option<NeoBert> {
        match self {
            Choice::Loaded(model) => Some(*model),
            _ => None,
        }
    }
}

/// The model to use with `database`, which need not exist.
pub(crate) fn choose(context: &Context, database: Option<&Path>) -> Result<Choice> {
    if let Some(named) = &context.settings.model {
        if named == NOTHING {
            return Ok(Choice::Refused);
        }
        return Ok(Choice::Loaded(Box::new(load(context, &find(named)?)?)));
    }
    match database.map(database_model).transpose()?.unwrap_or(DatabaseModel::Open) {
        DatabaseModel::WordsOnly => Ok(Choice::WordsOnly),
        DatabaseModel::Made { folder: Some(folder), .. } if folder.is_dir() => {
            Ok(Choice::Loaded(Box::new(load(context, &Named::Folder(folder))?)))
        }
        DatabaseModel::Made { name, fingerprint, folder } => match bundled(context)? {
            Some(bundled) if bundled.fingerprint() == fingerprint => Ok(Choice::Loaded(Box::new(bundled))),
            Some(_) if folder.is_none() && name == BUNDLED => Ok(Choice::Outgrown),
            _ => Ok(Choice::Gone(folder.map_or(name, |folder| folder.display().to_string()))),
        },
        _ => Ok(bundled(context)?.map_or(Choice::Missing, |bundled| Choice::Loaded(Box::new(bundled)))),
    }
}

/// A model for a command that cannot do without.
pub(crate) fn require(context: &Context, doing: &str) -> Result<NeoBert> {
    let why = match choose(context, Some(&context.settings.db))? {
        Choice::Loaded(model) => return Ok(*model),
        Choice::Gone(what) => format!("the database's own ({what}) is not there any more; give one with --model DIR"),
        Choice::Outgrown => {
            "the database's vectors are of an earlier bundled model; make new ones with `neodex reembed`".to_owned()
        }
        Choice::WordsOnly => "the database was made without one; give one with --model DIR|NAME".to_owned(),
        Choice::Refused => format!("`--model {NOTHING}` asks for none"),
        Choice::Missing => "give one with --model DIR".to_owned(),
    };
    Err(usage(format!("{doing} needs a model: {why}")))
}

/// The model in the binary, on the device asked for.
fn bundled(context: &Context) -> Result<Option<NeoBert>> {
    let (device, precision) = (context.settings.device, context.settings.precision);
    let model = bundled_model_with(&Options { device, precision, ..Options::default() })
        .map_err(|error| usage(format!("cannot load the bundled model: {error}")))?;
    if let Some(model) = &model {
        context.output.detail(format!("the bundled model {BUNDLED} on {device}, precision {precision}"));
        tell(context, model);
    }
    Ok(model)
}

/// Loads a model.
pub(crate) fn load(context: &Context, named: &Named) -> Result<NeoBert> {
    match named {
        Named::Bundled => bundled(context)?.ok_or_else(|| usage("this program was built without a model")),
        Named::Folder(folder) => {
            let (device, precision) = (context.settings.device, context.settings.precision);
            context.output.detail(format!("model {} on {device}, precision {precision}", folder.display()));
            let model = load_model_with(folder, &Options { device, precision, ..Options::default() })
                .map_err(|error| usage(format!("cannot load the model in {}: {error}", folder.display())))?;
            tell(context, &model);
            Ok(model)
        }
    }
}

/// Says what a model had to say of where it computes: a GPU build without a GPU goes on on the processor.
fn tell(context: &Context, model: &NeoBert) {
    if let Some(notice) = &model.info().notice {
        context.output.note(notice);
    }
}

/// The folder of a model given by folder or by name, for what only works on files.
pub(crate) fn find_folder(named: &str) -> Result<PathBuf> {
    match find(named)? {
        Named::Folder(folder) => Ok(folder),
        Named::Bundled => Err(usage(format!("`{named}` is in the program, not in a folder; name a folder"))),
    }
}

/// The files of a model given by folder or by name.
pub(crate) fn files(named: &str) -> Result<ModelFiles> {
    match find(named)? {
        Named::Folder(folder) => Ok(ModelFolder::open(folder)?.read()?),
        Named::Bundled => bundled_files().ok_or_else(|| usage("this program was built without a model")),
    }
}

/// A model given by folder or by name. A folder goes before an installed model, that before the bundled one, and that before the hub's.
pub(crate) fn find(named: &str) -> Result<Named> {
    let folder = PathBuf::from(named);
    if folder.is_dir() {
        return Ok(Named::Folder(folder));
    }
    let is_name = !named.is_empty() && folder.components().count() == 1 && !named.starts_with('.');
    if let Some(installed) = cache::models().map(|models| models.join(named)).filter(|path| is_name && path.is_dir()) {
        return Ok(Named::Folder(installed));
    }
    if named == BUNDLED && has_bundled_model() {
        return Ok(Named::Bundled);
    }
    if let Some(repository) = Repository::maybe(named) {
        let brought = Place::of_environment().and_then(|place| place.snapshot(&repository, "main"));
        return brought.map(Named::Folder).ok_or_else(|| {
            usage(format!("`{named}` is not a folder, and no model of that name was brought from the hub; `neodex model pull {named}` brings it"))
        });
    }
    let mut names: Vec<String> = installed().into_iter().map(|(name, _)| name).collect();
    if has_bundled_model() {
        names.push(format!("{BUNDLED} (bundled)"));
    }
    let known =
        if names.is_empty() { "no model is installed".to_owned() } else { format!("installed: {}", names.join(", ")) };
    Err(usage(format!("`{named}` is neither a model's folder nor the name of an installed model ({known})")))
}

/// The installed models and those brought from the hub, name and folder, by name.
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
    models.extend(Place::of_environment().map(|place| place.models()).unwrap_or_default());
    models
}
