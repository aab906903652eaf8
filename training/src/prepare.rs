//! Makes what a recipe names ready to train on: a tokenizer, corpora as shards, pairs and windows as sets.
//!
//! Everything goes into `DIR/data` once and is found there by every later start; what the recipe names in prepared form is opened
//! where it is, so that data prepared on one machine can be trained on by another.

use std::path::{Path, PathBuf};

use crate::data::{
    Corpus, Fields, Layout, PairOptions, Records, Role, Set, ShardOptions, Shards, Vocabulary, WindowOptions,
    build_pairs, build_shards, build_windows,
};
use crate::error::{Error, Result};
use crate::pretrain::{Documents, Specials};
use crate::progress::Observer;
use crate::recipe::{self, PairSet, Recipe};
use crate::run::{RunOptions, prepared};
use crate::tokenizer;

/// A tokenizer as the trainer needs it.
pub struct Words {
    /// The bytes of `tokenizer.json`.
    pub json: Vec<u8>,
    /// It, read.
    pub vocabulary: Vocabulary,
    /// Its special tokens.
    pub specials: Specials,
}

/// Documents to pretrain on: a corpus, or the documents of a set.
pub enum CorpusData {
    /// Shards of a corpus.
    Shards(Shards),
    /// A set, of which the documents are read and the queries are not.
    Set(Box<Set>),
}

impl Documents for CorpusData {
    fn count(&self) -> usize {
        match self {
            Self::Shards(shards) => shards.documents(),
            Self::Set(set) => set.sequences(),
        }
    }

    fn tokens(&self, index: usize) -> &[u16] {
        match self {
            Self::Shards(shards) => shards.document(index).map_or(&[], |document| document.tokens),
            Self::Set(set) => match set.sequence(index as u32) {
                Some(sequence) if sequence.role == Role::Document => sequence.tokens,
                _ => &[],
            },
        }
    }
}

/// The tokenizer of a run: the one prepared before, else the recipe's, else one learned from its texts.
///
/// # Errors
/// Those of reading and learning; [`Error::Config`] where it does not fit the model.
pub fn words(recipe: &Recipe, options: &RunOptions, observer: &mut dyn Observer) -> Result<Words> {
    let saved = options.output.join(tokenizer::TOKENIZER);
    let path = if saved.is_file() { saved } else { tokenizer::run(recipe, options, observer)? };
    let json = std::fs::read(&path).map_err(Error::io(&path))?;
    let vocabulary = Vocabulary::from_json(&json)?;
    if vocabulary.size() > recipe.model.vocab_size {
        let reason = format!(
            "is {}; the tokenizer in {} has {} ids",
            recipe.model.vocab_size,
            path.display(),
            vocabulary.size()
        );
        return Err(Error::config("model.vocab_size", reason));
    }
    let specials = specials(&json)?;
    Ok(Words { json, vocabulary, specials })
}

/// The special tokens of a `tokenizer.json`, by the names BERT and RoBERTa gave them.
fn specials(json: &[u8]) -> Result<Specials> {
    let fault = |reason: String| Error::Tokenizer { reason };
    let tokenizer = tokenizers::Tokenizer::from_bytes(json).map_err(|error| fault(error.to_string()))?;
    let id = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| tokenizer.token_to_id(name));
        found.ok_or_else(|| fault(format!("it has neither {} nor {}, which training needs", names[0], names[1])))
    };
    Ok(Specials {
        cls: id(["[CLS]", "<s>"])?,
        sep: id(["[SEP]", "</s>"])?,
        mask: id(["[MASK]", "<mask>"])?,
        pad: id(["[PAD]", "<pad>"])?,
    })
}

/// A corpus of the recipe: shards, a set, or texts that are made shards of now.
///
/// # Errors
/// Those of reading and tokenising.
pub fn corpus(
    corpus: &recipe::Corpus,
    words: &Words,
    recipe: &Recipe,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<CorpusData> {
    let path = recipe.resolve(&corpus.path, options.data.as_deref());
    if path.join("set.json").is_file() {
        return Ok(CorpusData::Set(Box::new(Set::open(&path)?)));
    }
    let fields = Fields { text: corpus.fields.clone(), ..Fields::default() };
    shards(&path, fields, corpus.layout, words, options, observer).map(CorpusData::Shards)
}

fn shards(
    path: &Path,
    fields: Fields,
    layout: Layout,
    words: &Words,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Shards> {
    if path.is_dir() && holds_shards(path) {
        return Ok(Shards::open(path)?);
    }
    let folder = prepared(&options.output).join("shards").join(slug(path, ""));
    if !folder.is_dir() {
        observer.preparing(&format!("tokenising {}", path.display()), 0, None);
        let partial = partial(&folder)?;
        let documents = Corpus::open(&[path], fields)?;
        let sources = vec![path.display().to_string()];
        let wanted = ShardOptions { layout, sources, ..ShardOptions::default() };
        build_shards(documents, &words.vocabulary, &partial, &wanted)?;
        std::fs::rename(&partial, &folder).map_err(Error::io(&folder))?;
    }
    Ok(Shards::open(&folder)?)
}

/// A set of `[contrastive]`, opened or made.
///
/// # Errors
/// Those of reading and tokenising.
pub fn pairs(
    set: &PairSet,
    words: &Words,
    recipe: &Recipe,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Set> {
    let path = recipe.resolve(&set.path, options.data.as_deref());
    if path.join("set.json").is_file() {
        return Ok(Set::open(&path)?);
    }
    let suffix = set.window.map(|window| format!("-{window}")).unwrap_or_default();
    let folder = prepared(&options.output).join("sets").join(slug(&path, &suffix));
    if folder.join("set.json").is_file() {
        return Ok(Set::open(&folder)?);
    }
    let partial = partial(&folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match set.window {
        Some(window) => {
            let shards = shards(&path, Fields::default(), set.layout, words, options, observer)?;
            observer.preparing(&format!("cutting windows of {}", path.display()), 0, None);
            let wanted = WindowOptions {
                window: window.saturating_sub(Specials::AROUND),
                share: set.share.unwrap_or(1.0),
                // Windows of another length are cut from other documents, where each takes a share.
                seed: recipe.run.seed + window as u64,
                ..WindowOptions::default()
            };
            build_windows(&shards, &words.vocabulary, &partial, &name, &wanted)?;
        }
        None => {
            observer.preparing(&format!("tokenising {}", path.display()), 0, None);
            let longest = recipe.contrastive()?.document_tokens.saturating_sub(Specials::AROUND);
            let wanted = PairOptions { longest, ..PairOptions::default() };
            build_pairs(Records::open(&[&path])?, &words.vocabulary, &partial, &name, &wanted)?;
        }
    }
    std::fs::rename(&partial, &folder).map_err(Error::io(&folder))?;
    Ok(Set::open(&folder)?)
}

/// Whether `folder` or a folder in it is a shard.
fn holds_shards(folder: &Path) -> bool {
    let is_shard = |path: &Path| path.join("tokens.u16").is_file() && !path.join("set.json").is_file();
    let inside = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| entry.ok());
    is_shard(folder) || inside.map(|entry| entry.path()).any(|path| is_shard(&path))
}

/// A name for what is made of `path`: its own, and enough of a hash that two files of one name stay apart.
fn slug(path: &Path, suffix: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    format!("{plain}{suffix}-{}", hash.get(..6).unwrap_or_default())
}

/// A fresh place beside `folder` to make it in, under another name until it is complete.
fn partial(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let partial = folder.with_file_name(format!(".partial-{name}"));
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(Error::io(&partial))?;
    }
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
    Ok(partial)
}
