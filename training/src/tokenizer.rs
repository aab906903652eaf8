//! The first step of a run: its tokenizer, learned from the run's own text or taken from a file.

use std::path::{Path, PathBuf};

use crate::data::{self, Corpus, Fields, TokenizerOptions, Vocabulary, train_tokenizer};
use crate::error::{Error, Result};
use crate::progress::Observer;
use crate::recipe::Recipe;
use crate::run::RunOptions;

/// The file's name in the run's folder.
pub const TOKENIZER: &str = "tokenizer.json";

/// Makes the tokenizer of `recipe`, or takes that of the model the run starts from, and puts it into the run's folder; where one is there
/// already and the run is resumed, that one stays.
/// Gives its path.
///
/// # Errors
/// [`Error::Config`] where the recipe names nothing to learn from, or the tokenizer has more ids than the model; [`Error::Prepared`] and
/// [`Error::Io`] for files that cannot be read or written.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &mut dyn Observer) -> Result<PathBuf> {
    let path = options.output.join(TOKENIZER);
    if options.resume && path.is_file() {
        return Ok(path);
    }
    let named = recipe.tokenizer.path.as_ref().map(|path| recipe.resolve(path, options.data.as_deref()));
    // Weights know the words of their own tokenizer and no others.
    let of_weights = || Some(options.init.as_ref()?.join(TOKENIZER)).filter(|path| path.is_file());
    let json = match named.or_else(of_weights) {
        Some(existing) => std::fs::read_to_string(&existing).map_err(Error::io(&existing))?,
        None => learn(recipe, options, observer)?,
    };
    let found = Vocabulary::from_json(json.as_bytes())?.size();
    if found > recipe.model.vocab_size {
        let reason =
            format!("is {}; the tokenizer has {found} ids, so it must be at least that", recipe.model.vocab_size);
        return Err(Error::config("model.vocab_size", reason));
    }
    write(&path, &json)?;
    observer.note(&format!("tokenizer of {found} ids: {}", path.display()));
    Ok(path)
}

fn learn(recipe: &Recipe, options: &RunOptions, observer: &mut dyn Observer) -> Result<String> {
    let mut sources = sources(recipe, options);
    sources.dedup();
    if sources.is_empty() {
        return Err(Error::config(
            "tokenizer.files",
            "is absent, and so is [pretrain]: there is nothing to learn a tokenizer from",
        ));
    }
    let corpora = sources
        .into_iter()
        .map(|(path, fields)| Corpus::open(&[path], Fields { text: fields, ..Fields::default() }))
        .collect::<data::Result<Vec<_>>>()?;
    let vocab_size = recipe.tokenizer.entries(&recipe.model);
    observer.note(&format!("learning a tokenizer of {vocab_size} ids"));
    let learned = TokenizerOptions { kind: recipe.tokenizer.kind, vocab_size, ..TokenizerOptions::default() };
    Ok(train_tokenizer(Sample::new(corpora, recipe.tokenizer.sample_bytes), &learned)?)
}

/// What to learn from, and in which fields the texts are.
fn sources(recipe: &Recipe, options: &RunOptions) -> Vec<(PathBuf, Vec<String>)> {
    let at = |path: &Path| recipe.resolve(path, options.data.as_deref());
    if !recipe.tokenizer.files.is_empty() {
        return recipe.tokenizer.files.iter().map(|path| (at(path), vec!["text".to_owned()])).collect();
    }
    let stages = recipe.pretrain.iter().flat_map(|pretrain| &pretrain.stage);
    let mut all: Vec<_> =
        stages.flat_map(|stage| &stage.corpora).map(|one| (at(&one.path), one.fields.clone())).collect();
    all.sort();
    all
}

fn write(path: &Path, json: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    std::fs::write(path, json).map_err(Error::io(path))
}

/// Texts of several corpora in turn, until there are enough bytes: a small corpus gives all it has, the others share the rest.
struct Sample {
    corpora: std::collections::VecDeque<Corpus>,
    bytes: u64,
}

impl Sample {
    fn new(corpora: Vec<Corpus>, bytes: u64) -> Self {
        Self { corpora: corpora.into(), bytes }
    }
}

impl Iterator for Sample {
    type Item = data::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.bytes > 0 {
            let mut corpus = self.corpora.pop_front()?;
            let Some(document) = corpus.next() else { continue };
            self.corpora.push_back(corpus);
            return Some(document.map(|document| {
                self.bytes = self.bytes.saturating_sub(document.text.len() as u64);
                document.text
            }));
        }
        None
    }
}
