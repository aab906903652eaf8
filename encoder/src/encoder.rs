//! A loaded model: what it is, and the vectors of whole texts.

use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::architecture::Architecture;
use crate::backend::{self, Backend, Sequence};
use crate::error::{Error, Result};
use crate::files::ModelFiles;
use crate::fingerprint;
use crate::folder::ModelFolder;
use crate::info::ModelInfo;
use crate::lanes::Lanes;
use crate::options::Options;
use crate::pooling::{self, Pooling};
use crate::sentence::{Role, SentenceConfig};
use crate::states::States;
use crate::tokenizer::{Tokenizer, Tokens};
use crate::weights::Weights;

/// A model ready to encode. Cloning shares it.
#[derive(Clone)]
pub struct Encoder(Arc<Inner>);

struct Inner {
    backend: Box<dyn Backend>,
    tokenizer: Tokenizer,
    architecture: Architecture,
    sentence: SentenceConfig,
    pool: Option<ThreadPool>,
    batch_tokens: usize,
    info: ModelInfo,
}

impl Encoder {
    /// Loads the model in a folder, of either layout [`ModelFolder`] knows.
    ///
    /// # Errors
    /// Those of [`ModelFolder::open`] and [`Encoder::from_files`].
    pub fn load(dir: impl AsRef<Path>, options: &Options) -> Result<Self> {
        Self::from_files(&ModelFolder::open(dir)?.read()?, options)
    }

    /// Loads a model from bytes. They can be dropped afterwards.
    ///
    /// # Errors
    /// Every error of [`Error`] that names a file, a tensor, the device or an option.
    pub fn from_files(files: &ModelFiles, options: &Options) -> Result<Self> {
        options.validate()?;
        let place = options.device.open()?;
        let architecture = Architecture::from_json(&files.config)?;
        let sentence = SentenceConfig::read(files)?;
        let tokenizer = Tokenizer::from_json(&files.tokenizer)?;
        let tokenizer = if sentence.lower_case { tokenizer.lowercased()? } else { tokenizer };
        let vocab_size = architecture.vocab_size();
        if tokenizer.largest_id() as usize >= vocab_size {
            return Err(Error::VocabularyMismatch { largest_id: tokenizer.largest_id(), vocab_size });
        }
        let hidden_size = architecture.hidden_size();
        let dimension = options.dimension.or(sentence.truncate_dim).unwrap_or(hidden_size);
        if !(1..=hidden_size).contains(&dimension) {
            return Err(Error::DimensionOutOfRange { dimension, hidden_size });
        }
        let max_tokens = sentence.max_seq_length.unwrap_or(usize::MAX).min(architecture.max_length());
        if max_tokens <= tokenizer.special_tokens() {
            return Err(Error::OptionTooSmall {
                option: "max_seq_length",
                found: max_tokens,
                minimum: tokenizer.special_tokens() + 1,
            });
        }
        let weights = Weights::parse(&files.weights)?;
        let backend = backend::open(&weights, &architecture, options, &place)?;
        let info = ModelInfo {
            name: files.name.clone(),
            architecture: architecture.model_type().to_owned(),
            parameters: architecture.parameters(),
            hidden_size,
            num_hidden_layers: architecture.num_hidden_layers(),
            num_attention_heads: architecture.num_attention_heads(),
            inner_size: architecture.inner_size(),
            vocab_size,
            max_tokens,
            dimension,
            pooling: sentence.pooling,
            prompts: sentence.prompts.clone(),
            stored_as: weights.dtype(&architecture.embedding()).unwrap_or_default(),
            precision: backend.precision(),
            device: backend.device(),
            notice: place.notice,
            fingerprint: fingerprint::of(files, &architecture, &sentence, max_tokens, dimension)?,
        };
        let pool = options.threads.map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build());
        Ok(Self(Arc::new(Inner {
            tokenizer,
            architecture,
            sentence,
            pool: pool.transpose().map_err(|source| Error::Threads { source })?,
            batch_tokens: options.batch_tokens.unwrap_or_else(|| backend.batch_tokens()),
            backend,
            info,
        })))
    }

    /// What the model is called: its folder's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.info.name
    }

    /// Components of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.info.dimension
    }

    /// Most tokens of a sequence, prompt and special tokens included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.0.info.max_tokens
    }

    /// Parameters of the model, without a language-model head.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.0.info.parameters
    }

    /// BLAKE3 in hex over everything that decides a vector: weights, tokenizer, pooling, prompts, limits and
    /// [`dimension`](Encoder::dimension); not over device or precision. Vectors of equal fingerprints can be compared.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.info.fingerprint
    }

    /// The model in figures.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.0.info
    }

    /// Special tokens around every sequence.
    #[must_use]
    pub fn special_tokens(&self) -> usize {
        self.0.tokenizer.special_tokens()
    }

    /// How many tokens `text` has, without special tokens and prompt. Texts of any length are counted whole.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where the tokenizer fails on the text.
    pub fn count_tokens(&self, text: &str) -> Result<usize> {
        self.0.tokenizer.count(text)
    }

    /// The tokens of `text` with their byte offsets, without special tokens and prompt.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where the tokenizer fails on the text, [`Error::TextTooLarge`] above 4 GiB.
    pub fn tokenize(&self, text: &str) -> Result<Tokens> {
        self.0.tokenizer.encode(text, usize::MAX)
    }

    /// One vector of length 1 and [`dimension`](Encoder::dimension) components for each text, in their order.
    ///
    /// The role's prompt goes before the text. What is over [`max_tokens`](Encoder::max_tokens) is cut off without a word
    /// ([`count_tokens`](Encoder::count_tokens) tells beforehand); documents that may be long belong in
    /// [`embed_late`](Encoder::embed_late).
    ///
    /// # Errors
    /// [`Error::Tokenizer`], [`Error::Compute`], [`Error::NotFinite`].
    pub fn embed(&self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>> {
        let Inner { tokenizer, sentence, .. } = &*self.0;
        let room = self.max_tokens() - tokenizer.special_tokens();
        let prompt = sentence.prompts.of(role);
        let skipped = match sentence.include_prompt || prompt.is_empty() {
            true => 0,
            false => tokenizer.start().len() + tokenizer.count(prompt)?,
        };
        let encode = |text: &&str| match prompt {
            "" => tokenizer.encode(text, room),
            _ => tokenizer.encode(&format!("{prompt}{text}"), room),
        };
        let tokens: Vec<Tokens> = self.parallel(|| texts.par_iter().map(encode).collect::<Result<_>>())?;
        let lengths: Vec<usize> = tokens.iter().map(|tokens| tokens.len() + tokenizer.special_tokens()).collect();
        let sequence = |i: usize| {
            let own = tokens.get(i).map(|tokens| tokens.ids.as_slice()).unwrap_or_default();
            let ids = [tokenizer.start(), own, tokenizer.end()].concat();
            let first = skipped.min(ids.len().saturating_sub(1));
            let pooled = match sentence.pooling {
                Pooling::Cls => first..first + 1,
                Pooling::Mean => first..ids.len(),
            };
            Sequence { ids, spans: vec![pooled] }
        };
        let pooled = self.lanes().run(&lengths, sequence)?;
        let unit = |(i, vector): (usize, Option<Vec<f32>>)| {
            let vector = vector.unwrap_or_else(|| vec![0.0; self.info().hidden_size]);
            pooling::to_unit(vector, self.dimension(), || format!("the vector of text {i}"))
        };
        pooled.into_iter().enumerate().map(unit).collect()
    }

    /// The last states of each sequence of ids, which must hold its special tokens already. No prompt, no pooling.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::TokenOutOfRange`], [`Error::Compute`].
    pub fn hidden_states(&self, sequences: &[Vec<u32>]) -> Result<Vec<States>> {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let sequence = |i: usize| Sequence::with_all_states(sequences.get(i).cloned().unwrap_or_default());
        let states = self.lanes().run(&lengths, sequence)?;
        let width = self.info().hidden_size;
        let whole = |values: Option<Vec<f32>>| States::new(values.unwrap_or_default(), width);
        Ok(states.into_iter().map(whole).collect())
    }

    /// The mean last state of each sequence of ids, which must hold its special tokens already. No prompt, no scaling; zeros for an
    /// empty sequence.
    ///
    /// # Errors
    /// Those of [`Encoder::hidden_states`].
    pub fn means(&self, sequences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let sequence = |i: usize| {
            let ids = sequences.get(i).cloned().unwrap_or_default();
            let whole = 0..ids.len();
            Sequence { ids, spans: vec![whole] }
        };
        let means = self.lanes().run(&lengths, sequence)?;
        Ok(means.into_iter().map(|mean| mean.unwrap_or_else(|| vec![0.0; self.info().hidden_size])).collect())
    }

    /// The language-model head's logits for each sequence of ids, one row of the vocabulary's size a token.
    ///
    /// # Errors
    /// Those of [`Encoder::hidden_states`], and [`Error::NoLanguageModelHead`].
    pub fn logits(&self, sequences: &[Vec<u32>]) -> Result<Vec<States>> {
        let states = self.hidden_states(sequences)?;
        states.iter().map(|states| self.0.backend.logits(states)).collect()
    }

    /// Floating-point operations of reading sequences of these lengths: two for each weight and token, and attention's two products.
    #[must_use]
    pub fn operations(&self, lengths: &[usize]) -> f64 {
        self.0.architecture.operations(lengths)
    }

    pub(crate) fn lanes(&self) -> Lanes<'_> {
        let Inner { backend, pool, architecture, .. } = &*self.0;
        Lanes {
            backend: backend.as_ref(),
            pool: pool.as_ref(),
            batch_tokens: self.0.batch_tokens,
            limit: architecture.max_length(),
            vocab_size: architecture.vocab_size(),
        }
    }

    /// Runs parallel iterators on the encoder's threads.
    pub(crate) fn parallel<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// The tokenizer, which knows what a sequence opens and closes with.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.0.tokenizer
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.0.backend.as_ref()
    }

    pub(crate) fn sentence(&self) -> &SentenceConfig {
        &self.0.sentence
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Encoder").field(&self.0.info).finish()
    }
}
