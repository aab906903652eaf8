//! What a query asks for: its distinct terms with their weights, and the phrases in quotation marks.

use std::collections::HashMap;

use super::{Analyzer, Role, Token};

/// One distinct term of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// As it is indexed.
    pub term: String,
    /// How often the query says it.
    pub weight: f32,
}

/// The distinct terms of a query in the order of their first mention, and its phrases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TermSet {
    terms: Vec<QueryTerm>,
    places: HashMap<String, usize>,
    phrases: Vec<Vec<(u32, String)>>,
}

impl TermSet {
    /// Reads a query: words, and "phrases" in straight or curly quotation marks.
    pub(super) fn parse(analyzer: Analyzer, text: &str) -> Self {
        let mut set = TermSet::default();
        set.add_words(analyzer, text, |role| role == Role::Word);
        if set.terms.is_empty() {
            // "to be or not to be": nothing but stop words is still a question.
            set.add_words(analyzer, text, |role| role != Role::Single);
        }
        for quoted in quoted(text) {
            let mut phrase = Vec::new();
            analyzer.tokens(quoted, &mut |token: Token<'_>| {
                if token.role != Role::Single {
                    phrase.push((token.position, token.term.to_owned()));
                }
            });
            if phrase.len() > 1 {
                set.phrases.push(phrase);
            }
        }
        set
    }

    fn add_words(&mut self, analyzer: Analyzer, text: &str, wanted: impl Fn(Role) -> bool) {
        analyzer.tokens(text, &mut |token: Token<'_>| {
            if !wanted(token.role) {
                return;
            }
            if let Some(&place) = self.places.get(token.term) {
                self.terms[place].weight += 1.0;
            } else {
                self.places.insert(token.term.to_owned(), self.terms.len());
                self.terms.push(QueryTerm { term: token.term.to_owned(), weight: 1.0 });
            }
        });
    }

    /// Whether the query asks for `term`.
    pub fn contains(&self, term: &str) -> bool {
        self.places.contains_key(term)
    }

    /// How many distinct terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether the query asks for nothing at all (no letter, no digit).
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms in the order of their first mention.
    pub fn iter(&self) -> impl Iterator<Item = &QueryTerm> {
        self.terms.iter()
    }

    /// The phrases, as terms with their positions; each has at least two.
    pub(crate) fn phrases(&self) -> &[Vec<(u32, String)>] {
        &self.phrases
    }
}

/// The texts between matching quotation marks; a mark without its partner is an ordinary character.
fn quoted(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['"', '“']) {
        let close = if rest[open..].starts_with('"') { '"' } else { '”' };
        let Some(mark) = rest[open..].chars().next() else { break };
        let inside = &rest[open + mark.len_utf8()..];
        match inside.find(close) {
            Some(end) => {
                found.push(&inside[..end]);
                rest = &inside[end + close.len_utf8()..];
            }
            None => rest = inside,
        }
    }
    found
}
