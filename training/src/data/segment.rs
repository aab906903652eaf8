//! The parts a document shows by its layout: title, headings, paragraphs.

/// What begins at a place of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum SegmentKind {
    /// A paragraph.
    Paragraph = 0,
    /// The document's title.
    Title = 1,
    /// The heading of a section.
    Heading = 2,
}

impl SegmentKind {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::Paragraph, Self::Title, Self::Heading].into_iter().find(|&kind| kind as u32 == number)
    }
}

/// How a corpus lays its documents out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Paragraphs alone: a line begins one where it follows an empty line, or a line that ends a sentence.
    #[default]
    Plain,
    /// The first line is the title, a short line after an empty one is a heading, and every line is a paragraph.
    Headed,
}

/// A longer line is no heading.
const LONGEST_HEADING: usize = 120;

/// Where the parts of a text begin, in bytes and in order; the first is at the first line that says something.
#[must_use]
pub fn segments(text: &str, layout: Layout) -> Vec<(usize, SegmentKind)> {
    let mut found: Vec<(usize, SegmentKind)> = Vec::new();
    let mut after_empty = true;
    let mut after_sentence = false;
    let mut lines = text.split_inclusive('\n').peekable();
    let mut at = 0;
    while let Some(line) = lines.next() {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let line = line.trim();
        if line.is_empty() {
            after_empty = true;
            continue;
        }
        let followed = lines.peek().is_some_and(|next| !next.trim().is_empty());
        let kind = match layout {
            Layout::Headed if found.is_empty() => Some(SegmentKind::Title),
            Layout::Headed if after_empty && followed && is_heading(line) => Some(SegmentKind::Heading),
            Layout::Headed => Some(SegmentKind::Paragraph),
            Layout::Plain => (after_empty || after_sentence).then_some(SegmentKind::Paragraph),
        };
        found.extend(kind.map(|kind| (start, kind)));
        after_empty = false;
        after_sentence = line.ends_with(['.', '!', '?', ':', '"', '”']);
    }
    found
}

fn is_heading(line: &str) -> bool {
    line.len() <= LONGEST_HEADING && !line.ends_with(['.', ',', ';', '!'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::SegmentKind::{Heading, Paragraph, Title};
    use super::*;

    #[test]
    fn a_headed_text_has_a_title_and_headings() {
        let text = "Ants\nAnts are small.\nThey dig.\n\nFood\nSugar.\n\nA last line, alone.\n";
        let starts: Vec<_> = segments(text, Layout::Headed)
            .iter()
            .map(|&(at, kind)| (text[at..].lines().next().unwrap(), kind))
            .collect();
        let expected = [
            ("Ants", Title),
            ("Ants are small.", Paragraph),
            ("They dig.", Paragraph),
            ("Food", Heading),
            ("Sugar.", Paragraph),
            ("A last line, alone.", Paragraph),
        ];
        assert_eq!(starts, expected);
    }

    #[test]
    fn a_wrapped_line_begins_no_paragraph() {
        let text = "  It was a dark\nnight.\nNo star\nshone.\n\nMorning";
        let starts: Vec<_> = segments(text, Layout::Plain).iter().map(|&(at, _)| &text[at..at + 2]).collect();
        assert_eq!(starts, ["It", "No", "Mo"]);
    }
}
