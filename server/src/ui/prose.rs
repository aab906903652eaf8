//! Lines that somebody broke by hand. Text files wrap prose at some width that is never the reader's; joined again it fills the column, while
//! tables, lists and code keep their lines.

use std::borrow::Cow;

/// A line at least this long, in bytes, was broken because it was full.
const FULL: usize = 50;

/// `text` with the breaks of wrapped prose made spaces, and no more than one blank line in a row. It stays as long as it was, so ranges of bytes
/// still fit.
pub(crate) fn joined(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\n').peekable();
    let mut blank = false;
    while let Some(line) = lines.next() {
        out.push_str(line);
        let Some(next) = lines.peek() else { break };
        let was_blank = std::mem::replace(&mut blank, line.trim().is_empty());
        let wrapped = line.len() >= FULL && is_prose(line) && is_prose(next);
        out.push(if wrapped || (was_blank && blank) { ' ' } else { '\n' });
    }
    Cow::Owned(out)
}

/// Whether a line could be the middle of a paragraph: it begins with a word, and not as far in as code does.
fn is_prose(line: &str) -> bool {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|c| c.is_alphanumeric() || "\"'(\u{201c}\u{2018}`*_[".contains(c));
    // `* item`, `- item` and `1. item` begin something new.
    let item = text.starts_with("* ")
        || text
            .split_once(['.', ')'])
            .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    first && !item && indent < 4 && !line.starts_with('\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_joined_and_the_rest_keeps_its_lines() {
        let full = "A line that is long enough to have been broken by hand";
        assert_eq!(joined(&format!("{full}\nand goes on.")), format!("{full} and goes on."));
        for next in ["- an item", "* an item", "2. an item", "| a | table |", "    code", "\ttabbed", "# heading", ""] {
            assert_eq!(joined(&format!("{full}\n{next}")), format!("{full}\n{next}"), "{next}");
        }
        assert_eq!(joined("short\nlines"), "short\nlines");
        assert_eq!(joined("a\n\n\n\nb"), "a\n\n  b", "one blank line is enough");
        let text = format!("{full}\n\u{e9}t\u{e9}");
        assert_eq!(joined(&text).len(), text.len());
    }
}
