//! The words and signs of a filter, with their places.
//!
//! A bare run of letters, digits and `_ - . / : +` is one [`Token::Word`], whatever it turns out to be: whether `2024-05-01` is a date or
//! a field name, or `not` a keyword, depends on where it stands, which only the parser knows. So `a-b`, `-1.5e+3` and
//! `2024-05-01T00:00:00+02:00` each arrive whole.

use std::ops::Range;

use super::error::QueryError;

/// A word or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Something without quotes.
    Word(&'a str),
    /// A string, its quotes taken off and its escapes undone.
    Text(String),
    /// A field name in backticks, taken out of them.
    Name(String),
    /// `( ) [ ] , = != < <= > >=`
    Sign(&'static str),
    /// The end of the filter.
    End,
}

/// A token and the bytes it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme<'a> {
    pub(super) token: Token<'a>,
    pub(super) span: Range<usize>,
}

/// Longer signs before those they begin with.
const SIGNS: [&str; 11] = ["!=", "<=", ">=", "(", ")", "[", "]", ",", "=", "<", ">"];

/// What people write out of habit, and what it is called here.
const FOREIGN: [(&str, &str); 9] = [
    ("==", "write `=` to compare"),
    ("<>", "write `!=` for not equal"),
    ("=>", "write `>=` for at least"),
    ("=<", "write `<=` for at most"),
    ("&&", "write `AND`"),
    ("||", "write `OR`"),
    ("~", "there is no pattern matching; search for the words instead"),
    ("!", "write `NOT`, or `!=` for not equal"),
    ("*", "there are no wildcards; `EXISTS field` asks for any value"),
];

/// Reads one token after the other.
pub(super) struct Lexer<'a> {
    input: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, at: 0 }
    }

    /// The next token; [`Token::End`] at the end, as often as asked.
    pub(super) fn next(&mut self) -> Result<Lexeme<'a>, QueryError> {
        let rest = self.rest().trim_start();
        let start = self.input.len() - rest.len();
        self.at = start;
        let token = match rest.chars().next() {
            None => Token::End,
            Some(quote @ ('\'' | '"')) => Token::Text(self.quoted(quote)?),
            Some('`') => Token::Name(self.name()?),
            Some(character) if is_word(character) => Token::Word(self.word()),
            Some(character) => Token::Sign(self.sign(character)?),
        };
        Ok(Lexeme { token, span: start..self.at })
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = rest.find(|c| !is_word(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at += word.len();
        word
    }

    fn sign(&mut self, first: char) -> Result<&'static str, QueryError> {
        let start = self.at;
        let rest = self.rest();
        let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign) && !rest.starts_with("!="));
        if let Some((sign, advice)) = foreign {
            return Err(QueryError::new(
                format!("unknown sign `{sign}`; {advice}"),
                start..start + sign.len(),
                self.input,
            ));
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            self.at += sign.len();
            return Ok(sign);
        }
        let message = format!("`{}` means nothing here; put strings in quotes", first.escape_debug());
        Err(QueryError::new(message, start..start + first.len_utf8(), self.input))
    }

    /// A string: its quote is written inside as itself twice or after a backslash. A backslash before anything else but another
    /// backslash is just a backslash, so that paths and patterns need no care.
    fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            let following = characters.peek().map(|&(_, following)| following);
            if character == quote && following != Some(quote) {
                self.at += at + quote.len_utf8();
                return Ok(text);
            }
            let escapes = character == '\\' && matches!(following, Some('\\' | '\'' | '"'));
            if character == quote || escapes {
                characters.next();
            }
            text.push(if escapes { following.unwrap_or(character) } else { character });
        }
        let mut message = format!("the string that begins here has no closing {quote}");
        if self.rest().ends_with(&format!("\\{quote}")) {
            message += "; a backslash before it makes it part of the string, write `\\\\` for a backslash";
        }
        Err(QueryError::new(message, start..start + 1, self.input))
    }

    /// A field name in backticks; a backtick in it is written twice.
    fn name(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        let mut name = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            if character == '`' && characters.next_if(|&(_, following)| following == '`').is_none() {
                self.at += at + 1;
                if name.is_empty() {
                    return Err(QueryError::new("a field name cannot be empty", start..self.at, self.input));
                }
                return Ok(name);
            }
            name.push(character);
        }
        Err(QueryError::new("the field name that begins here has no closing backtick", start..start + 1, self.input))
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':' | '+')
}

/// Whether `word` can be a field name without backticks: letters, digits and `_ - . /`, and neither a number nor only signs.
pub(super) fn is_bare_name(word: &str) -> bool {
    word.chars().all(|c| is_word(c) && c != ':' && c != '+') && word.contains(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn tokens(input: &str) -> Result<Vec<Token<'_>>, QueryError> {
        let mut lexer = Lexer::new(input);
        let mut tokens = Vec::new();
        loop {
            match lexer.next()?.token {
                Token::End => return Ok(tokens),
                token => tokens.push(token),
            }
        }
    }

    #[test]
    fn words_arrive_whole() {
        use Token::{Sign, Word};
        let expected = vec![Word("a-b.c/d"), Sign("<="), Word("-1.5e+3"), Sign(","), Word("2024-05-01T00:00:00+02:00")];
        assert_eq!(tokens("a-b.c/d<=-1.5e+3,2024-05-01T00:00:00+02:00").unwrap(), expected);
    }

    #[test]
    fn quotes_double_or_take_a_backslash_and_paths_need_no_care() {
        for (input, text) in [
            ("'it''s'", "it's"),
            (r"'it\'s'", "it's"),
            (r#""say ""hi""""#, "say \"hi\""),
            (r#""it's""#, "it's"),
            (r"'C:\new\\dir'", r"C:\new\dir"),
            ("''", ""),
            ("'名前'", "名前"),
        ] {
            assert_eq!(tokens(input).unwrap(), [Token::Text(text.into())], "{input}");
        }
        assert_eq!(tokens("`odd ``name```").unwrap(), [Token::Name("odd `name`".into())]);
    }

    #[test]
    fn what_is_left_open_or_foreign_is_pointed_at() {
        for (input, span, message) in [
            ("a = 'b", 4..5, "the string that begins here has no closing '"),
            (r"a = 'b\'", 4..5, "the string that begins here has no closing '; a backslash before it"),
            ("`a", 0..1, "the field name that begins here has no closing backtick"),
            ("`` = 1", 0..2, "a field name cannot be empty"),
            ("a == 1", 2..4, "unknown sign `==`; write `=`"),
            ("a <> 1", 2..4, "unknown sign `<>`; write `!=`"),
            ("a && b", 2..4, "unknown sign `&&`; write `AND`"),
            ("!a", 0..1, "unknown sign `!`; write `NOT`"),
            ("a = é€", 6..9, "`€` means nothing here"),
        ] {
            let error = tokens(input).unwrap_err();
            assert_eq!(error.span, span, "{error}");
            assert!(error.message.starts_with(message), "{error}");
        }
    }
}
