//! HTML into tags and text, borrowed from the page, in one linear pass over the bytes.
//!
//! html5ever's own tokenizer was measured first: it copies every name and value, reads documentation pages at 30 MB/s and
//! compares each attribute of a tag with all others of it. Text needs no tree and hardly any attribute. The rules are
//! the tokenization rules of the HTML standard, but for scripts inside comments inside scripts.

use super::name::{Name, tag};

/// An attribute as it is written, references unresolved.
pub(super) type Attribute<'a> = (&'a str, &'a str);

/// What stands in the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Characters with references.
    Text(&'a str),
    /// Characters without references: CDATA, scripts, styles.
    Raw(&'a str),
    /// `<name ...>`; the attributes are [`Lexer::attributes`] until the next token.
    Start { name: Name, self_closing: bool },
    /// `</name>`
    End { name: Name },
}

/// Attributes kept of one tag; whoever writes more does not write for readers.
const MAX_ATTRIBUTES: usize = 64;

/// Reads a page.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    attributes: Vec<Attribute<'a>>,
    /// The element whose content is no markup, and its name as written.
    raw: Option<(Name, &'a str)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(page: &'a str) -> Self {
        Self { rest: page, attributes: Vec::new(), raw: None }
    }

    /// The attributes of the start tag just read.
    pub(super) fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// The next token; `None` at the end of the page.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        if let Some((element, written)) = self.raw.take() {
            let content = self.take(end_of_raw(self.rest, written));
            if !content.is_empty() {
                let has_references = matches!(element, tag::TITLE | tag::TEXTAREA);
                return Some(if has_references { Token::Text(content) } else { Token::Raw(content) });
            }
        }
        while !self.rest.is_empty() {
            let text = self.take(self.rest.find('<').unwrap_or(self.rest.len()));
            if !text.is_empty() {
                return Some(Token::Text(text));
            }
            let bytes = self.rest.as_bytes();
            match (bytes.get(1), bytes.get(2)) {
                (Some(letter), _) if letter.is_ascii_alphabetic() => return self.start_tag(),
                (Some(b'/'), Some(letter)) if letter.is_ascii_alphabetic() => return self.end_tag(),
                (Some(b'!'), _) => {
                    if let Some(text) = self.declaration() {
                        return Some(text);
                    }
                }
                (Some(b'/' | b'?'), _) => self.skip_past(">"),
                _ => return Some(Token::Text(self.take(1))),
            }
        }
        None
    }

    /// Takes this many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Skips to after the next `end`, or all that is left.
    fn skip_past(&mut self, end: &str) {
        let length = self.rest.find(end).map_or(self.rest.len(), |start| start + end.len());
        self.take(length);
    }

    /// A comment, a doctype or CDATA, the only one that holds text.
    fn declaration(&mut self) -> Option<Token<'a>> {
        if self.rest.starts_with("<!-->") || self.rest.starts_with("<!--->") {
            self.skip_past(">");
        } else if self.rest.starts_with("<!--") {
            self.take(4);
            self.skip_past("-->");
        } else if self.rest.starts_with("<![CDATA[") {
            self.take(9);
            let text = self.take(self.rest.find("]]>").unwrap_or(self.rest.len()));
            self.take(3);
            return Some(Token::Raw(text));
        } else {
            self.skip_past(">");
        }
        None
    }

    fn start_tag(&mut self) -> Option<Token<'a>> {
        self.take(1);
        let written = self.take(name_length(self.rest));
        let name = Name::new(written);
        let self_closing = self.tag_end()?;
        if !self_closing && is_raw(name) {
            self.raw = Some((name, written));
        }
        Some(Token::Start { name, self_closing })
    }

    fn end_tag(&mut self) -> Option<Token<'a>> {
        self.take(2);
        let name = Name::new(self.take(name_length(self.rest)));
        self.tag_end()?;
        Some(Token::End { name })
    }

    /// Reads the attributes up to and with the `>`; whether a `/` stood before it. `None`: the page ends inside.
    fn tag_end(&mut self) -> Option<bool> {
        self.attributes.clear();
        let mut slash = false;
        loop {
            let bytes = self.rest.as_bytes();
            match bytes.first()? {
                b'>' => {
                    self.take(1);
                    return Some(slash);
                }
                b'/' => {
                    slash = true;
                    self.take(1);
                }
                byte if byte.is_ascii_whitespace() => {
                    self.take(1);
                }
                _ => {
                    slash = false;
                    self.attribute();
                }
            }
        }
    }

    fn attribute(&mut self) {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
        // An `=` in the first place is part of the name.
        let length = self.rest.bytes().skip(1).position(|byte| is_end(&byte)).map_or(self.rest.len(), |end| end + 1);
        let name = self.take(length);
        let after = self.rest.trim_ascii_start();
        let mut value = "";
        if let Some(assigned) = after.strip_prefix('=') {
            self.rest = assigned.trim_ascii_start();
            value = self.value();
        }
        if self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((name, value));
        }
    }

    fn value(&mut self) -> &'a str {
        for quote in ['"', '\''] {
            if self.rest.starts_with(quote) {
                self.take(1);
                let value = self.take(self.rest.find(quote).unwrap_or(self.rest.len()));
                self.take(1);
                return value;
            }
        }
        let end = self.rest.bytes().position(|byte| byte.is_ascii_whitespace() || byte == b'>');
        self.take(end.unwrap_or(self.rest.len()))
    }
}

fn name_length(rest: &str) -> usize {
    let end = rest.bytes().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
    end.unwrap_or(rest.len())
}

/// Elements whose content is no markup.
fn is_raw(name: Name) -> bool {
    matches!(
        name,
        tag::SCRIPT | tag::STYLE | tag::TITLE | tag::TEXTAREA | tag::XMP | tag::IFRAME | tag::NOEMBED | tag::NOFRAMES
    )
}

/// Where the end tag of a raw element begins, or the end of the page.
fn end_of_raw(rest: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(found) = rest.get(from..).and_then(|rest| rest.find("</")) {
        let start = from + found;
        let after = rest.as_bytes().get(start + 2..).unwrap_or_default();
        let is_name = after.get(..name.len()).is_some_and(|written| written.eq_ignore_ascii_case(name.as_bytes()));
        let ends = after.get(name.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        if is_name && ends {
            return start;
        }
        from = start + 2;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(page: &str) -> Vec<String> {
        let mut lexer = Lexer::new(page);
        let mut found = Vec::new();
        while let Some(token) = lexer.next() {
            found.push(match token {
                Token::Text(text) => text.to_owned(),
                Token::Raw(text) => format!("raw:{text}"),
                Token::Start { name, self_closing } => {
                    format!(
                        "{}{}{:?}",
                        if name == Name::new("p") { "p" } else { "?" },
                        if self_closing { "/" } else { "" },
                        lexer.attributes()
                    )
                }
                Token::End { name } => format!("/{}", if name == Name::new("p") { "p" } else { "?" }),
            });
        }
        found
    }

    #[test]
    fn tags_and_attributes() {
        assert_eq!(
            tokens("<P a b=1 c='x>y' d = \"z\"e=f/>t</p >"),
            [
                "p/[(\"a\", \"\"), (\"b\", \"1\"), (\"c\", \"x>y\"), (\"d\", \"z\"), (\"e\", \"f/\")]"
                    .replace("p/", "p"),
                "t".into(),
                "/p".into()
            ]
        );
        assert_eq!(tokens("<p/><p =x>"), ["p/[]", "p[(\"=x\", \"\")]"]);
    }

    #[test]
    fn what_is_no_markup() {
        assert_eq!(tokens("a < b <3 c<"), ["a ", "<", " b ", "<", "3 c", "<"]);
        assert_eq!(tokens("<!doctype html>x<!-- <p> -->y<!-->z<?php ?></>w"), ["x", "y", "z", "w"]);
        assert_eq!(tokens("<script>a</p></SCRIPTx></Script >b"), ["?[]", "raw:a</p></SCRIPTx>", "/?", "b"]);
        assert_eq!(tokens("<![CDATA[a&b<p>]]>c"), ["raw:a&b<p>", "c"]);
    }

    #[test]
    fn pages_that_end_early() {
        for page in ["<", "</", "<p", "<p a", "<p a=", "<p a='", "<!", "<!--", "</p", "<![CDATA["] {
            assert!(tokens(page).iter().all(|token| token.len() < 6), "{page}");
        }
        assert_eq!(tokens("<title>x"), ["?[]", "x"]);
    }
}
