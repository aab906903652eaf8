//! Cuts tokens into passages: along paragraphs where these have the right length, else where sentences end.

use std::ops::Range;

use super::vocabulary::Vocabulary;

/// How long passages are, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassageLength {
    /// A paragraph shorter than this is joined with the next.
    pub least: usize,
    /// A passage longer than this is cut.
    pub most: usize,
}

impl Default for PassageLength {
    fn default() -> Self {
        Self { least: 60, most: 220 }
    }
}

/// The sentences of a range of tokens; together they are the range.
pub(crate) fn sentences(tokens: &[u16], within: Range<usize>, vocabulary: &Vocabulary) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = within.start;
    for at in within.clone() {
        let number = tokens.get(at + 1).is_some_and(|&id| vocabulary.begins_number(id));
        let ends = tokens.get(at).is_some_and(|&id| vocabulary.ends_sentence(id)) && !number;
        // Two or three tokens and a full stop are an initial, a numeral or an abbreviation more often than a sentence.
        if ends && at + 1 - start > 4 {
            found.push(start..at + 1);
            start = at + 1;
        }
    }
    if start < within.end {
        found.push(start..within.end);
    }
    found
}

/// The passages of these paragraphs, in order; together they are the paragraphs. `paragraphs` adjoin each other.
pub(crate) fn passages(
    tokens: &[u16],
    paragraphs: &[Range<usize>],
    length: PassageLength,
    vocabulary: &Vocabulary,
) -> Vec<Range<usize>> {
    let mut passages: Vec<Range<usize>> = Vec::new();
    let mut open: Option<Range<usize>> = None;
    for paragraph in paragraphs.iter().filter(|paragraph| !paragraph.is_empty()) {
        let joined = match open.take() {
            Some(open) if paragraph.end - open.start <= length.most => open.start..paragraph.end,
            Some(open) => {
                passages.push(open);
                paragraph.clone()
            }
            None => paragraph.clone(),
        };
        let mut pieces = cut(tokens, joined, length, vocabulary);
        open = pieces.pop();
        passages.append(&mut pieces);
        passages.extend(open.take_if(|open| open.len() >= length.least));
    }
    let Some(rest) = open else { return passages };
    match passages.last_mut() {
        // A short end joins what is before it.
        Some(last) if rest.end - last.start <= length.most => last.end = rest.end,
        _ => passages.push(rest),
    }
    passages
}

/// Pieces of even length, none longer than `length.most`, cut where sentences end if they do.
fn cut(tokens: &[u16], range: Range<usize>, length: PassageLength, vocabulary: &Vocabulary) -> Vec<Range<usize>> {
    let (most, end) = (length.most.max(1), range.end);
    if range.len() <= most {
        return vec![range];
    }
    let target = range.len().div_ceil(range.len().div_ceil((most * 3 / 4).max(1)));
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut start = range.start;
    for sentence in sentences(tokens, range, vocabulary) {
        if sentence.start > start && (sentence.start - start >= target || sentence.end - start > most) {
            pieces.push(start..sentence.start);
            start = sentence.start;
        }
        // A sentence that is too long by itself is cut between words.
        while sentence.end - start > most {
            let begins_word = |&at: &usize| tokens.get(at).is_some_and(|&id| !vocabulary.continues_word(id));
            let word = (start + most / 2 + 1..=start + most).rev().find(begins_word).unwrap_or(start + most);
            pieces.push(start..word);
            start = word;
        }
    }
    match pieces.last_mut() {
        Some(last) if end - start < length.least && end - last.start <= most => last.end = end,
        _ => pieces.push(start..end),
    }
    pieces
}
