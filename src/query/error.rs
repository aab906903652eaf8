//! A mistake in a filter, with its place. The message shows the line as the author wrote it, with a caret under the mistake.

use std::fmt;
use std::ops::Range;

/// How many columns of the filter are shown around a mistake.
const WINDOW_COLUMNS: usize = 72;
/// How many of them lie before the mistake, at most.
const COLUMNS_BEFORE: usize = 48;

/// A filter that cannot be read.
///
/// ```text
/// filter: expected a value after `=`
///   year =
///         ^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// What was expected, and what to do.
    pub message: String,
    /// The bytes of `input` that the message is about; empty where something is missing.
    pub span: Range<usize>,
    /// The filter as it was given.
    pub input: String,
}

impl QueryError {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>, input: &str) -> Self {
        Self { message: message.into(), span, input: input.to_owned() }
    }
}

impl std::error::Error for QueryError {}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, before, marked) = window(&self.input, &self.span);
        write!(f, "filter: {}\n  {}\n  {}{}", self.message, line, " ".repeat(before), "^".repeat(marked))
    }
}

/// The part of `input` around `span` on one line, the columns before the mistake in it, and the columns to mark.
fn window(input: &str, span: &Range<usize>) -> (String, usize, usize) {
    // The fields are public, so the span may be anything.
    let start = input.floor_char_boundary(span.start);
    let end = input.floor_char_boundary(span.end.max(start));

    let mut shown_from = start;
    let mut before = 0;
    for (at, character) in input[..start].char_indices().rev() {
        if before + columns(character) > COLUMNS_BEFORE {
            break;
        }
        before += columns(character);
        shown_from = at;
    }
    let mut line = String::new();
    if shown_from > 0 {
        line.push('…');
        before += 1;
    }
    let mut width = before;
    let mut marked = 0;
    line.extend(input[shown_from..start].chars().map(printable));
    for (at, character) in input[start..].char_indices() {
        if width + columns(character) > WINDOW_COLUMNS {
            line.push('…');
            break;
        }
        width += columns(character);
        if start + at < end {
            marked += columns(character);
        }
        line.push(printable(character));
    }
    (line, before, marked.max(1))
}

/// Line ends and tabs would move the caret away from its place, other control characters do worse to a terminal.
fn printable(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

/// The columns a terminal gives a character: two for the wide scripts of East Asia and pictographs, none for marks that combine.
fn columns(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn shown(input: &str, span: Range<usize>) -> String {
        QueryError::new("no", span, input).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_mistake() {
        assert_eq!(shown("year =", 6..6), "filter: no\n  year =\n        ^");
        assert_eq!(shown("a = b", 4..5), "filter: no\n  a = b\n      ^");
        assert_eq!(shown("a = bcd AND", 4..7), "filter: no\n  a = bcd AND\n      ^^^");
        assert_eq!(shown("", 0..0), "filter: no\n  \n  ^");
        // é is one column wide, 名 two, and a line end is shown as a space.
        assert_eq!(shown("é =\tx", 5..6), "filter: no\n  é = x\n      ^");
        assert_eq!(shown("名前\n= x", 9..10), "filter: no\n  名前 = x\n         ^");
    }

    #[test]
    fn a_long_filter_is_shown_around_the_mistake() {
        let input = format!("{}oops{}", "x".repeat(500), "y".repeat(500));
        let message = shown(&input, 500..504);
        let lines: Vec<&str> = message.lines().collect();
        assert!(lines[1].starts_with("  …xxx") && lines[1].ends_with("yyy…"), "{message}");
        assert!(lines[1].chars().count() <= WINDOW_COLUMNS + 4, "{message}");
        let caret = lines[2].find('^').unwrap();
        assert_eq!(lines[1].chars().skip(caret).take(4).collect::<String>(), "oops");
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_is_shown(input in "\\PC{0,100}", start in 0usize..300, end in 0usize..300) {
            let message = shown(&input, start..end);
            prop_assert_eq!(message.lines().count(), 3);
        }
    }
}
