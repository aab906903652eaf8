//! How much of a text a model cannot read: what its tokenizer turns into the unknown token means nothing to it.

use crate::encoder::Encoder;
use crate::error::Result;

impl Encoder {
    /// The share of the bytes of `text`, white space left out, that became unknown tokens, 0 to 1; 0 for an empty text. By bytes and not by
    /// tokens, because a run of a foreign script may become a single unknown token.
    ///
    /// # Errors
    /// [`Error::Tokenizer`](crate::Error::Tokenizer) where the tokenizer fails on the text.
    pub fn unknown_share(&self, text: &str) -> Result<f32> {
        let Some(unknown) = self.tokenizer().unknown() else { return Ok(0.0) };
        let tokens = self.tokenize(text)?;
        let (mut all, mut unread) = (0_u64, 0_u64);
        for (id, (start, end)) in tokens.ids.iter().zip(&tokens.offsets) {
            let bytes = u64::from(end.saturating_sub(*start));
            all += bytes;
            unread += if *id == unknown { bytes } else { 0 };
        }
        Ok(if all == 0 { 0.0 } else { unread as f32 / all as f32 })
    }
}
