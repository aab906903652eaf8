//! Learning a vocabulary: WordPiece as BERT cuts words, or BPE over bytes.
//!
//! The library's trainer visits words in the random order of its hash map and numbers the characters it meets in that order. So
//! the characters are counted and numbered here first, and the same corpus gives the same file, byte for byte.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Trainer,
};

use super::error::{Error, Result};
use super::vocabulary::{LARGEST_VOCABULARY, SPECIAL_TOKENS};

/// A longer word is not cut but becomes `[UNK]`, so nothing is learned from it.
const LONGEST_WORD: usize = 100;

/// How words are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Lower case without accents, longest piece first (Wu et al. 2016, as BERT does it).
    #[default]
    WordPiece,
    /// Merges over bytes (Radford et al. 2019): case is kept and nothing is unknown.
    Bpe,
}

/// What kind of tokenizer to learn, and how large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerOptions {
    /// How words are cut.
    pub kind: Kind,
    /// Tokens in all, special ones included; at most 65,536.
    pub vocab_size: usize,
    /// A pair of pieces that occurs less often is not merged.
    pub min_frequency: u64,
    /// WordPiece: characters that get a token of their own, the most frequent; those of ASCII always do.
    pub alphabet: usize,
}

impl Default for TokenizerOptions {
    fn default() -> Self {
        Self { kind: Kind::WordPiece, vocab_size: 30_522, min_frequency: 2, alphabet: 600 }
    }
}

/// Learns a tokenizer from texts and returns its `tokenizer.json`. Ids 0 to 4 are `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`.
///
/// # Errors
/// [`Error::VocabularyTooLarge`], [`Error::Tokenizer`] where the library refuses, and the first error among the texts.
pub fn train_tokenizer<I>(texts: I, options: &TokenizerOptions) -> Result<String>
where
    I: Iterator<Item = Result<String>> + Send,
{
    if options.vocab_size > LARGEST_VOCABULARY {
        return Err(Error::VocabularyTooLarge { found: options.vocab_size, limit: LARGEST_VOCABULARY });
    }
    let cutter = assemble(options.kind, &empty_model(options.kind))?;
    let characters = Mutex::new(Characters::default());
    let mut failure = None;
    let texts = texts.map_while(|text| text.map_err(|error| failure = Some(error)).ok());
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(options.vocab_size)
        .min_frequency(options.min_frequency)
        .build();
    trainer
        .feed(texts, |text| {
            let words = words(&cutter, text)?;
            let mut seen = Characters::default();
            words.iter().for_each(|word| seen.count(word));
            characters.lock().unwrap_or_else(PoisonError::into_inner).add(seen);
            Ok(words)
        })
        .map_err(Error::tokenizer)?;
    if let Some(error) = failure {
        return Err(error);
    }
    let characters = characters.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut first: Vec<String> = SPECIAL_TOKENS.iter().map(|&token| token.to_owned()).collect();
    let alphabet: BTreeSet<char> = match options.kind {
        Kind::WordPiece => characters.most_frequent(options.alphabet),
        Kind::Bpe => tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet().into_iter().collect(),
    };
    first.extend(alphabet.iter().map(char::to_string));
    if options.kind == Kind::WordPiece {
        trainer.continuing_subword_prefix = Some("##".to_owned());
        first.extend(alphabet.iter().filter(|c| characters.continues(**c)).map(|c| format!("##{c}")));
    }
    if first.len() > options.vocab_size {
        let reason = format!("{} tokens cannot hold the {} of the alphabet", options.vocab_size, first.len());
        return Err(Error::Invalid { what: "vocab_size", reason });
    }
    trainer.special_tokens = first.into_iter().map(|token| AddedToken::from(token, false)).collect();
    trainer.limit_alphabet = Some(alphabet.len());
    trainer.initial_alphabet = alphabet.into_iter().collect::<HashSet<char>>().into_iter().collect();

    let mut learned = BPE::default();
    trainer.train(&mut learned).map_err(Error::tokenizer)?;
    let model = match options.kind {
        Kind::WordPiece => {
            let mut model = empty_model(Kind::WordPiece);
            model["vocab"] = json!(learned.get_vocab());
            model
        }
        Kind::Bpe => serde_json::to_value(&learned).map_err(|error| Error::Tokenizer { reason: error.to_string() })?,
    };
    assemble(options.kind, &model)?.to_string(true).map_err(Error::tokenizer)
}

/// How often characters occur, and those that occur inside a word.
#[derive(Default)]
struct Characters {
    counts: BTreeMap<char, u64>,
    inside: BTreeSet<char>,
}

impl Characters {
    fn count(&mut self, word: &str) {
        for (at, character) in word.char_indices() {
            *self.counts.entry(character).or_default() += 1;
            if at > 0 {
                self.inside.insert(character);
            }
        }
    }

    fn add(&mut self, other: Self) {
        other.counts.into_iter().for_each(|(character, count)| *self.counts.entry(character).or_default() += count);
        self.inside.extend(other.inside);
    }

    /// Printable ASCII in lower case, and the most frequent others up to `limit` in all.
    fn most_frequent(&self, limit: usize) -> BTreeSet<char> {
        let mut kept: BTreeSet<char> = ('!'..='~').filter(|c| !c.is_ascii_uppercase()).collect();
        let mut others: Vec<(u64, char)> =
            self.counts.iter().filter(|(c, _)| !kept.contains(c)).map(|(&c, &count)| (count, c)).collect();
        others.sort_by_key(|&(count, character)| (std::cmp::Reverse(count), character));
        let room = limit.saturating_sub(kept.len());
        kept.extend(others.into_iter().take(room).map(|(_, character)| character));
        kept
    }

    fn continues(&self, character: char) -> bool {
        self.inside.contains(&character) || character.is_ascii_alphanumeric()
    }
}

/// The words that the tokenizer would cut into pieces.
fn words(cutter: &tokenizers::Tokenizer, text: &str) -> tokenizers::Result<Vec<String>> {
    let mut words = Vec::new();
    for line in text.lines() {
        let mut line = NormalizedString::from(line);
        if let Some(normalizer) = cutter.get_normalizer() {
            normalizer.normalize(&mut line)?;
        }
        let mut line = PreTokenizedString::from(line);
        if let Some(pre_tokenizer) = cutter.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut line)?;
        }
        let splits = line.get_splits(OffsetReferential::Normalized, OffsetType::None);
        words
            .extend(splits.iter().map(|(word, ..)| *word).filter(|word| word.len() <= LONGEST_WORD).map(str::to_owned));
    }
    Ok(words)
}

fn empty_model(kind: Kind) -> Value {
    match kind {
        Kind::WordPiece => json!({
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": LONGEST_WORD, "vocab": special_ids(),
        }),
        Kind::Bpe => json!({ "type": "BPE", "vocab": special_ids(), "merges": [] }),
    }
}

fn special_ids() -> BTreeMap<&'static str, usize> {
    SPECIAL_TOKENS.iter().enumerate().map(|(id, &token)| (token, id)).collect()
}

fn assemble(kind: Kind, model: &Value) -> Result<tokenizers::Tokenizer> {
    let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    let (normalizer, pre_tokenizer, decoder) = match kind {
        Kind::WordPiece => (
            json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                    "lowercase": true }),
            json!({ "type": "BertPreTokenizer" }),
            json!({ "type": "WordPiece", "prefix": "##", "cleanup": true }),
        ),
        Kind::Bpe => (Value::Null, byte_level.clone(), byte_level),
    };
    let special = |(id, content): (usize, &&str)| {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true })
    };
    let piece = |token: &str, kind: u32| json!({ "SpecialToken": { "id": token, "type_id": kind } });
    let text = |id: &str, kind: u32| json!({ "Sequence": { "id": id, "type_id": kind } });
    let named = |token: &str, id: u32| json!({ "id": token, "ids": [id], "tokens": [token] });
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": SPECIAL_TOKENS.iter().enumerate().map(special).collect::<Vec<_>>(),
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0)],
            "pair": [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0), text("B", 1), piece("[SEP]", 1)],
            "special_tokens": { "[CLS]": named("[CLS]", 2), "[SEP]": named("[SEP]", 3) },
        },
    });
    tokenizers::Tokenizer::from_bytes(file.to_string()).map_err(Error::tokenizer)
}
