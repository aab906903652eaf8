//! The analyzer in the shape tantivy asks for.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::scan::{Cursor, Unit};

/// The analyzer as a tantivy tokenizer; buffers live on between texts.
#[derive(Default)]
pub(crate) struct WordTokenizer {
    unit: Unit,
    token: Token,
}

impl Clone for WordTokenizer {
    fn clone(&self) -> Self {
        // The buffers are scratch space: a copy starts with its own.
        Self::default()
    }
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { cursor: Cursor::new(text), unit: &mut self.unit, token: &mut self.token, next: 0, filled: false }
    }
}

/// The tokens of one text.
pub(crate) struct WordStream<'a> {
    cursor: Cursor<'a>,
    unit: &'a mut Unit,
    token: &'a mut Token,
    next: usize,
    filled: bool,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            if self.filled
                && let Some(found) = self.unit.token(self.next)
            {
                self.token.offset_from = found.start;
                self.token.offset_to = found.end;
                self.token.position = found.position as usize;
                self.token.text.clear();
                self.token.text.push_str(found.term);
                self.next += 1;
                return true;
            }
            self.filled = self.cursor.next_unit(self.unit);
            self.next = 0;
            if !self.filled {
                return false;
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
