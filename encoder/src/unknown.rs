//! How much of a text a model cannot read: unknown tokens, and letters of scripts that its vocabulary hardly has.

use crate::encoder::Encoder;
use crate::error::Result;

impl Encoder {
    /// The share of the letters of `text` that the model cannot read, 0 to 1; 0 where there are no letters. By letters and not by tokens,
    /// because a run of a foreign script may become a single unknown token.
    ///
    /// # Errors
    /// [`Error::Tokenizer`](crate::Error::Tokenizer) where the tokenizer fails on the text.
    pub fn unknown_share(&self, text: &str) -> Result<f32> {
        let (unknown, scripts) = (self.tokenizer().unknown(), self.tokenizer().scripts());
        let tokens = self.tokenize(text)?;
        let (mut all, mut unread) = (0, 0);
        for (&id, &(start, end)) in tokens.ids.iter().zip(&tokens.offsets) {
            let part = text.get(start as usize..end as usize).unwrap_or_default();
            let (letters, foreign) = scripts.letters(part);
            if Some(id) == unknown {
                // A sign it has no word for is unread, too, letter or not.
                let signs = part.chars().count();
                (all, unread) = (all + signs, unread + signs);
            } else {
                (all, unread) = (all + letters, unread + foreign);
            }
        }
        Ok(if all == 0 { 0.0 } else { unread as f32 / all as f32 })
    }
}
