//! A passage with its marks: the words that matched, and the sentence that answers best around them.

use std::fmt::Write;
use std::ops::Range;

use crate::ui::html::Escaped;

/// A stretch of a text that stands out, and the attributes of the element around it.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) range: Range<usize>,
    pub(crate) attributes: &'static str,
}

impl Stretch {
    /// The sentence that answers best.
    pub(crate) fn sentence(range: Range<usize>) -> Self {
        Self { range, attributes: "class=\"sentence\"" }
    }
}

/// `text` as HTML with `words` in `<mark>` and the stretch in a `<span>`; ranges are bytes of `text`, words in order.
pub(crate) fn marked(text: &str, words: &[Range<usize>], stretch: Option<&Stretch>) -> String {
    let mut out = String::with_capacity(text.len() + 64 * (words.len() + 1));
    match stretch.filter(|stretch| text.get(stretch.range.clone()).is_some()) {
        None => part(&mut out, text, 0..text.len(), words),
        Some(Stretch { range, attributes }) => {
            part(&mut out, text, 0..range.start, words);
            let _ = write!(out, "<span {attributes}>");
            part(&mut out, text, range.clone(), words);
            out.push_str("</span>");
            part(&mut out, text, range.end..text.len(), words);
        }
    }
    out
}

/// One stretch of the text. A word that reaches beyond it is marked as far as it is inside.
fn part(out: &mut String, text: &str, range: Range<usize>, words: &[Range<usize>]) {
    let mut at = range.start;
    for word in words {
        let (start, end) = (word.start.max(at), word.end.min(range.end));
        if start >= end {
            continue;
        }
        let (Some(before), Some(inside)) = (text.get(at..start), text.get(start..end)) else { continue };
        let _ = write!(out, "{}<mark>{}</mark>", Escaped(before), Escaped(inside));
        at = end;
    }
    let _ = write!(out, "{}", Escaped(text.get(at..range.end).unwrap_or_default()));
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    #[test]
    fn words_and_sentence_are_marked() {
        let text = "A <b>. The graph is small. End";
        let html = marked(text, &[11..16, 27..30], Some(&Stretch::sentence(7..26)));
        assert_eq!(
            html,
            "A &lt;b&gt;. <span class=\"sentence\">The <mark>graph</mark> is small.</span> <mark>End</mark>"
        );
        assert_eq!(marked("abc", &[1..2], None), "a<mark>b</mark>c");
    }

    #[test]
    fn ranges_that_do_not_fit_do_no_harm() {
        assert_eq!(marked("é", &[1..2, 0..9], Some(&Stretch::sentence(0..1))), "<mark>é</mark>");
        assert_eq!(marked("ab", &[0..1, 0..2], None), "<mark>a</mark><mark>b</mark>");
    }
}
