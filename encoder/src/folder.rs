//! Finding the files of a model in a folder.
//!
//! Two layouts: Hugging Face's (`config.json`, `tokenizer.json`, `model.safetensors` side by side) and that of
//! sentence-transformers, where `modules.json` lists the steps and the folder of each. Paths inside those files are
//! someone else's data: none may lead out of the folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::files::{Bytes, ModelFiles};

/// Where the files of a model are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    /// Last part of the folder's path.
    pub name: String,
    /// `config.json`
    pub config: PathBuf,
    /// `tokenizer.json`
    pub tokenizer: PathBuf,
    /// `model.safetensors`, or the shards its index names, in order of name.
    pub weights: Vec<PathBuf>,
    /// The Pooling step's `config.json`.
    pub pooling: Option<PathBuf>,
    /// `config_sentence_transformers.json`
    pub prompts: Option<PathBuf>,
    /// `sentence_bert_config.json`
    pub limits: Option<PathBuf>,
    /// `tokenizer_config.json`
    pub tokenizer_config: Option<PathBuf>,
}

/// A step of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

/// `model.safetensors.index.json`
#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

impl ModelFolder {
    /// Finds the files without reading the large ones.
    ///
    /// # Errors
    /// [`Error::MissingFile`] naming the first that is absent; [`Error::UnsupportedModule`], [`Error::InvalidJson`],
    /// [`Error::Io`] for a layout that cannot be followed.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        if !dir.is_dir() {
            return Err(Error::MissingFile {
                path: dir.to_owned(),
                needed_for: "a model is a folder with config.json, tokenizer.json and model.safetensors",
            });
        }
        let (mut transformer, mut pooling) = (dir.to_owned(), None);
        if let Some(modules) = optional(dir.join("modules.json")) {
            for Module { kind, path } in parse::<Vec<Module>>(&modules)? {
                match kind.rsplit('.').next().unwrap_or_default() {
                    "Transformer" => transformer = inside(dir, &path)?,
                    "Pooling" => {
                        pooling = Some(required(
                            inside(dir, &path)?.join("config.json"),
                            "it says how token states are pooled",
                        )?)
                    }
                    "Normalize" => {} // vectors always have length 1
                    _ => return Err(Error::UnsupportedModule { found: kind }),
                }
            }
        }
        let name = dir.canonicalize().ok().and_then(|path| name(&path));
        Ok(Self {
            name: name.unwrap_or_else(|| dir.display().to_string()),
            config: required(transformer.join("config.json"), "it holds the model's shape")?,
            tokenizer: required(
                transformer.join("tokenizer.json"),
                "it splits text into tokens; save the model with its fast tokenizer",
            )?,
            weights: weights(&transformer)?,
            pooling,
            prompts: optional(dir.join("config_sentence_transformers.json")),
            limits: optional(transformer.join("sentence_bert_config.json")),
            tokenizer_config: optional(transformer.join("tokenizer_config.json")),
        })
    }

    /// Reads all files into memory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&self) -> Result<ModelFiles> {
        let some = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
        Ok(ModelFiles {
            name: self.name.clone(),
            config: read(&self.config)?,
            tokenizer: read(&self.tokenizer)?,
            weights: self.weights.iter().map(|path| read(path)).collect::<Result<_>>()?,
            pooling: some(&self.pooling)?,
            prompts: some(&self.prompts)?,
            limits: some(&self.limits)?,
            tokenizer_config: some(&self.tokenizer_config)?,
        })
    }
}

/// What a folder is called; in the hub's cache, where folders have the names of commits, what the repository is.
fn name(folder: &Path) -> Option<String> {
    let own = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let above = folder.parent().filter(|above| above.file_name().is_some_and(|name| name == "snapshots"));
    let repository =
        above.and_then(|above| own(above.parent()?)?.strip_prefix("models--").map(|name| name.replace("--", "/")));
    repository.or_else(|| own(folder))
}

fn weights(transformer: &Path) -> Result<Vec<PathBuf>> {
    let whole = transformer.join("model.safetensors");
    let Some(index) = optional(transformer.join("model.safetensors.index.json")).filter(|_| !whole.is_file()) else {
        let hint = "it holds the weights; a model saved as pytorch_model.bin must be saved again in safetensors format";
        return Ok(vec![required(whole, hint)?]);
    };
    let names: BTreeSet<String> = parse::<Index>(&index)?.weight_map.into_values().collect();
    let shard = |name: &String| required(inside(transformer, name)?, "the index of the weights names it");
    names.iter().map(shard).collect()
}

/// `relative` under `root`, unless it leads elsewhere.
fn inside(root: &Path, relative: &str) -> Result<PathBuf> {
    let path = Path::new(relative);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    stays.then(|| root.join(path)).ok_or_else(|| Error::UnsupportedModule { found: relative.to_owned() })
}

fn required(path: PathBuf, needed_for: &'static str) -> Result<PathBuf> {
    match path.is_file() {
        true => Ok(path),
        false => Err(Error::MissingFile { path, needed_for }),
    }
}

fn optional(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

fn read(path: &Path) -> Result<Bytes> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.into()),
        Err(source) => Err(Error::Io { path: path.to_owned(), source }),
    }
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read(path)?).map_err(|source| Error::InvalidJson {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        source,
    })
}
