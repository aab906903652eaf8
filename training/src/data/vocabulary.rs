//! A tokenizer as the data needs it: ids in 16 bits, and what each id says about words and sentences.

use neodex_encoder::Tokenizer;

use super::error::{Error, Result};

/// Special tokens of a tokenizer learned here, in the order of their ids from 0.
pub const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Ids are kept as `u16`.
pub const LARGEST_VOCABULARY: usize = 1 << 16;

/// A `tokenizer.json` with what the preparation of data asks about its tokens.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    fingerprint: String,
    size: usize,
    unknown: Option<u16>,
    mask: Option<u16>,
    /// By id: it goes on with the word that the token before it began.
    continues: Vec<bool>,
    /// By id: a sentence may end with it.
    ends: Vec<bool>,
    /// By id: it begins with a digit.
    numbers: Vec<bool>,
}

/// The tokens of a text: ids, and the bytes each was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTokens {
    /// One id a token, without special tokens.
    pub ids: Vec<u16>,
    /// Start and end byte of each.
    pub offsets: Vec<(u32, u32)>,
}

impl Vocabulary {
    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Encoder`] where the product does not take it, [`Error::VocabularyTooLarge`] above 65,536 ids.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let tokenizer = Tokenizer::from_json(json)?;
        let size = tokenizer.largest_id() as usize + 1;
        if size > LARGEST_VOCABULARY {
            return Err(Error::VocabularyTooLarge { found: size, limit: LARGEST_VOCABULARY });
        }
        let names = tokenizers::Tokenizer::from_bytes(json).map_err(Error::tokenizer)?;
        let id = |name: &str| names.token_to_id(name).map(|id| id as u16);
        let by_id = |test: fn(&str) -> bool| {
            (0..size as u32).map(|id| names.id_to_token(id).is_some_and(|token| test(&token))).collect()
        };
        let pieces = names.token_to_id("##a").is_some() || names.token_to_id("##e").is_some();
        Ok(Self {
            fingerprint: blake3::hash(json).to_hex().to_string(),
            size,
            unknown: id("[UNK]").or_else(|| id("<unk>")),
            mask: id("[MASK]").or_else(|| id("<mask>")),
            continues: by_id(if pieces { |token| token.starts_with("##") } else { continues_bytes }),
            ends: by_id(|token| matches!(token, "." | "!" | "?" | "。" | "！" | "？")),
            numbers: by_id(|token| token.starts_with(|character: char| character.is_ascii_digit())),
            tokenizer,
        })
    }

    /// Ids of the tokenizer, special ones included.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// BLAKE3 of the file, in hexadecimal: data made with one tokenizer is of no use with another.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The id of what has no token.
    #[must_use]
    pub fn unknown(&self) -> Option<u16> {
        self.unknown
    }

    /// The id that hides a token.
    #[must_use]
    pub fn mask(&self) -> Option<u16> {
        self.mask
    }

    /// The product's tokenizer, which this reads.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether this token goes on with the word of the one before it.
    #[must_use]
    pub fn continues_word(&self, id: u16) -> bool {
        self.continues.get(usize::from(id)).copied().unwrap_or(false)
    }

    /// Whether a sentence may end with this token.
    #[must_use]
    pub fn ends_sentence(&self, id: u16) -> bool {
        self.ends.get(usize::from(id)).copied().unwrap_or(false)
    }

    /// Whether this token begins with a digit: after a full stop it is mostly a decimal.
    #[must_use]
    pub fn begins_number(&self, id: u16) -> bool {
        self.numbers.get(usize::from(id)).copied().unwrap_or(false)
    }

    /// The first `limit` tokens of a text.
    ///
    /// # Errors
    /// [`Error::Encoder`] where the tokenizer fails.
    pub fn encode(&self, text: &str, limit: usize) -> Result<TextTokens> {
        let tokens = self.tokenizer.encode(text, limit)?;
        Ok(TextTokens { ids: tokens.ids.iter().map(|&id| id as u16).collect(), offsets: tokens.offsets })
    }
}

/// Whether a token of a byte-level BPE continues a word: it starts with a letter or digit and not with a space.
fn continues_bytes(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphanumeric() && character != 'Ġ' && character != 'Ċ')
}
