//! Text to token ids with byte offsets into the original text.
//!
//! The model's `tokenizer.json` does the splitting; its own truncation and padding are switched off, because both depend on the
//! batch. A long text goes through it in pieces that end where a paragraph does, so that a file of any size costs memory
//! for its tokens and not for the tokenizer's copies of it. White space goes to the piece behind it: tokenizers of RoBERTa's and XLM-R's
//! kind read it as part of the word that follows.

use std::ops::Range;

use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::{Decoder, DecoderWrapper, NormalizerWrapper};

use crate::error::{Error, Result};
use crate::script::Scripts;

/// A piece ends before the white space around the first line break past this many bytes.
const PIECE: usize = 4 << 10;
/// Where no line breaks, it ends before the last white space before this many bytes, or there.
const LONGEST_PIECE: usize = 16 << 10;

/// The tokenizer of a model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    start: Vec<u32>,
    end: Vec<u32>,
    scripts: Scripts,
}

/// The tokens of one text, without special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// One id a token.
    pub ids: Vec<u32>,
    /// The bytes of the text each token was made of, start and end.
    pub offsets: Vec<(u32, u32)>,
}

impl Tokens {
    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The tokens that belong to these bytes of the text. A token belongs where its last byte lies, so that adjoining ranges
    /// share none and lose none.
    #[must_use]
    pub fn within(&self, bytes: &Range<usize>) -> Range<usize> {
        let before =
            |limit: usize| self.offsets.partition_point(|&(start, end)| (end.max(start + 1) as usize) <= limit);
        let start = before(bytes.start);
        start..before(bytes.end).max(start)
    }
}

impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where it is not one, or has no special tokens that open and close a sequence.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        guarded(|| {
            let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(fault)?;
            inner.with_truncation(None).map_err(fault)?;
            inner.with_padding(None);
            let (start, end) = special_tokens(&inner)?;
            let scripts = Scripts::of(words(&inner).iter().map(String::as_str));
            Ok(Self { inner, start, end, scripts })
        })
    }

    /// The same, with all letters made small before anything else.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where it does not fit the tokenizer.
    pub(crate) fn lowercased(mut self) -> Result<Self> {
        let own = self.inner.get_normalizer().cloned();
        let steps = [NormalizerWrapper::Lowercase(Lowercase)].into_iter().chain(own).collect();
        self.inner.with_normalizer(Some(Sequence::new(steps))).map_err(fault)?;
        Ok(self)
    }

    /// Ids that open every sequence: `[CLS]`.
    #[must_use]
    pub fn start(&self) -> &[u32] {
        &self.start
    }

    /// Ids that close every sequence: `[SEP]`.
    #[must_use]
    pub fn end(&self) -> &[u32] {
        &self.end
    }

    /// Special tokens around every sequence.
    #[must_use]
    pub fn special_tokens(&self) -> usize {
        self.start.len() + self.end.len()
    }

    /// The id of what it has no word for, where it has one.
    #[must_use]
    pub fn unknown(&self) -> Option<u32> {
        ["[UNK]", "<unk>"].into_iter().find_map(|name| self.inner.token_to_id(name))
    }

    /// The id that stands for a hidden token, where it has one.
    #[must_use]
    pub fn mask(&self) -> Option<u32> {
        ["[MASK]", "<mask>"].into_iter().find_map(|name| self.inner.token_to_id(name))
    }

    /// The scripts it has words of.
    pub(crate) fn scripts(&self) -> Scripts {
        self.scripts
    }

    /// The largest id it can produce.
    #[must_use]
    pub fn largest_id(&self) -> u32 {
        self.inner.get_vocab(true).into_values().max().unwrap_or(0)
    }

    /// All tokens of `text`, or the first `limit`.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where the tokenizer fails on the text, [`Error::TextTooLarge`] above 4 GiB.
    pub fn encode(&self, text: &str, limit: usize) -> Result<Tokens> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::TextTooLarge { bytes: text.len(), limit: u32::MAX as usize });
        }
        let mut tokens = Tokens::default();
        for piece in pieces(text) {
            let part = text.get(piece.clone()).unwrap_or_default();
            let encoding = guarded(|| self.inner.encode(part, false).map_err(fault))?;
            let shift = |at: usize| (piece.start + at) as u32;
            tokens.ids.extend_from_slice(encoding.get_ids());
            let offsets = encoding.get_offsets().iter();
            tokens.offsets.extend(offsets.map(|&(start, end)| (shift(start), shift(end))));
            if tokens.len() >= limit {
                tokens.ids.truncate(limit);
                tokens.offsets.truncate(limit);
                break;
            }
        }
        Ok(tokens)
    }

    /// How many tokens `text` has, without special tokens.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] where the tokenizer fails on the text.
    pub fn count(&self, text: &str) -> Result<usize> {
        pieces(text).try_fold(0, |sum, piece| {
            let part = text.get(piece).unwrap_or_default();
            Ok(sum + guarded(|| self.inner.encode_fast(part, false).map_err(fault))?.len())
        })
    }
}

fn fault(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Tokenizer { reason: source.to_string() }
}

/// Calls the library, which panics over some `tokenizer.json` that do not fit together: at once, or at the first text that shows it.
fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let reason = || "its parts do not fit together: the tokenizer failed".to_owned();
    neodex_guard::call(call).unwrap_or_else(|_| Err(Error::Tokenizer { reason: reason() }))
}

/// The vocabulary as text. Tokenizers over bytes write each byte as a letter of its own.
fn words(inner: &tokenizers::Tokenizer) -> Vec<String> {
    let vocabulary = inner.get_vocab(false).into_keys();
    match inner.get_decoder() {
        Some(DecoderWrapper::ByteLevel(decoder)) => {
            vocabulary.filter_map(|word| decoder.decode(vec![word]).ok()).collect()
        }
        _ => vocabulary.collect(),
    }
}

/// What the post-processor puts before and after a text; where there is none, the tokens of that name.
fn special_tokens(inner: &tokenizers::Tokenizer) -> Result<(Vec<u32>, Vec<u32>)> {
    let probe = inner.encode("a", true).map_err(fault)?;
    let special = probe.get_special_tokens_mask();
    let leading = special.iter().take_while(|&&mask| mask == 1).count();
    let trailing = special.iter().rev().take_while(|&&mask| mask == 1).count();
    let ids = probe.get_ids();
    if leading + trailing > 0 && leading < ids.len() {
        let (start, rest) = ids.split_at(leading);
        return Ok((start.to_vec(), rest.iter().skip(rest.len() - trailing).copied().collect()));
    }
    for (start, end) in [("[CLS]", "[SEP]"), ("<s>", "</s>")] {
        if let (Some(start), Some(end)) = (inner.token_to_id(start), inner.token_to_id(end)) {
            return Ok((vec![start], vec![end]));
        }
    }
    Err(Error::Tokenizer {
        reason: "it names no special tokens that open and close a sequence, such as [CLS] and [SEP]".to_owned(),
    })
}

/// Cuts a text into ranges that the tokenizer sees one by one; together they are the whole text.
fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = if rest.len() <= PIECE {
            rest.len()
        } else {
            let longest = text.floor_char_boundary(start + LONGEST_PIECE.min(rest.len())) - start;
            let head = rest.get(..longest).unwrap_or(rest);
            let line = head.get(PIECE..).and_then(|tail| tail.iter().position(|&byte| byte == b'\n'));
            let space = match line {
                Some(at) => Some(PIECE + at),
                None if longest == rest.len() => None,
                None => head.iter().rposition(u8::is_ascii_whitespace),
            };
            let before = space.and_then(|at| head.get(..at)?.iter().rposition(|byte| !byte.is_ascii_whitespace()));
            before.map_or(longest, |last| last + 1)
        };
        let piece = start..start + length;
        start = piece.end;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_end_with_lines_or_words_where_they_can() {
        let lines = format!("{}\nnext", "word ".repeat(1000));
        let cut: Vec<_> = pieces(&lines).collect();
        assert_eq!(cut, [0..4999, 4999..5005]);
        let words = "word ".repeat(8000);
        assert!(
            pieces(&words).all(|piece| piece.len() <= LONGEST_PIECE && piece.start.saturating_sub(4).is_multiple_of(5))
        );
        let solid = "é".repeat(20_000);
        assert!(pieces(&solid).all(|piece| !piece.is_empty() && solid.is_char_boundary(piece.end)));
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole_text_in_order(parts in prop::collection::vec(("[a-z\u{e9}\u{4e2d} \n]{0,9}", 0..3000_usize), 0..8)) {
            let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let joined: String = pieces(&text).map(|piece| &text[piece]).collect();
            prop_assert_eq!(joined, text.clone());
            prop_assert!(pieces(&text).all(|piece| !piece.is_empty() && piece.len() <= LONGEST_PIECE));
        }
    }

    #[test]
    fn a_token_belongs_where_its_last_byte_lies() {
        let tokens = Tokens { ids: vec![1, 2, 3], offsets: vec![(0, 3), (3, 8), (8, 9)] };
        assert_eq!(tokens.within(&(0..4)), 0..1);
        assert_eq!(tokens.within(&(4..9)), 1..3);
        assert_eq!(tokens.within(&(9..9)), 3..3);
        assert_eq!(tokens.within(&(3..3)), 1..1);
    }
}
