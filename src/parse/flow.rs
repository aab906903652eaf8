//! Text as it flows out of a marked-up format: whitespace collapsed, blocks apart, headings noted where they stand.
//!
//! Markdown, HTML, docx and epub all write through [`Flow`], so a document reads the same whatever it came from:
//! paragraphs are separated by an empty line, list items and table rows by a line break, cells by ` | `.

use crate::document::Heading;

/// What must stand before the next word; a stronger gap swallows a weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Cell,
    Line,
    Paragraph,
}

/// The writer.
#[derive(Debug)]
pub(super) struct Flow {
    text: String,
    headings: Vec<Heading>,
    gap: Gap,
    marker: String,
    heading: Option<OpenHeading>,
}

#[derive(Debug)]
struct OpenHeading {
    level: u8,
    /// Known once its first word is written.
    offset: Option<usize>,
}

/// A place in the text under way.
#[derive(Debug)]
pub(super) struct Place {
    length: usize,
    gap: Gap,
}

impl Default for Flow {
    fn default() -> Self {
        Self { text: String::new(), headings: Vec::new(), gap: Gap::None, marker: String::new(), heading: None }
    }
}

impl Flow {
    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The place reached, to come back to.
    pub(super) fn place(&self) -> Place {
        Place { length: self.text.len(), gap: self.gap }
    }

    /// What was written since.
    pub(super) fn since(&self, place: &Place) -> &str {
        self.text.get(place.length..).unwrap_or_default()
    }

    /// Takes back what was written since.
    pub(super) fn take_back(&mut self, place: &Place) {
        if self.text.is_char_boundary(place.length) {
            self.text.truncate(place.length);
            self.gap = self.gap.max(place.gap);
        }
        if let Some(open) = &mut self.heading
            && open.offset.is_some_and(|offset| offset >= place.length)
        {
            open.offset = None;
        }
    }

    /// Words: runs of whitespace count as one space.
    pub(super) fn words(&mut self, words: &str) {
        let mut rest = words;
        loop {
            let start = rest.find(|c: char| !is_space(c));
            if start != Some(0) && !rest.is_empty() {
                self.gap = self.gap.max(Gap::Space);
            }
            let Some(start) = start else { return };
            rest = rest.get(start..).unwrap_or_default();
            let end = rest.find(is_space).unwrap_or(rest.len());
            self.fill_gap();
            self.text.push_str(rest.get(..end).unwrap_or_default());
            rest = rest.get(end..).unwrap_or_default();
        }
    }

    /// Text whose lines and spaces mean something.
    pub(super) fn verbatim(&mut self, text: &str) {
        if self.heading.is_some() {
            return self.words(text);
        }
        let text = match self.gap {
            Gap::Line | Gap::Paragraph => text.trim_start_matches(['\n', '\r']),
            _ => text,
        };
        if text.is_empty() {
            return;
        }
        self.fill_gap();
        self.text.push_str(text);
    }

    /// A line ends.
    pub(super) fn line(&mut self) {
        self.widen(Gap::Line);
    }

    /// A block begins or ends.
    pub(super) fn paragraph(&mut self) {
        self.widen(Gap::Paragraph);
    }

    /// The next cell of a row begins.
    pub(super) fn cell(&mut self) {
        self.widen(Gap::Cell);
    }

    /// What stands before the next word of a new line: `- ` or `1. `.
    pub(super) fn mark(&mut self, marker: String) {
        self.marker = marker;
    }

    /// A heading begins. One that is still open ends.
    pub(super) fn start_heading(&mut self, level: u8) {
        self.end_heading();
        self.paragraph();
        self.marker.clear();
        self.heading = Some(OpenHeading { level, offset: None });
    }

    /// Whether a heading is open.
    pub(super) fn in_heading(&self) -> bool {
        self.heading.is_some()
    }

    /// The heading ends, if one is open.
    pub(super) fn end_heading(&mut self) {
        let Some(open) = self.heading.take() else {
            return;
        };
        if let Some(offset) = open.offset {
            let text = self.text.get(offset..).unwrap_or_default().trim().to_owned();
            if !text.is_empty() {
                self.headings.push(Heading { level: open.level, text, offset });
            }
        }
        self.paragraph();
    }

    /// The text, trimmed, and its headings.
    pub(super) fn finish(mut self) -> (String, Vec<Heading>) {
        self.end_heading();
        let length = self.text.trim_end().len();
        self.text.truncate(length);
        (self.text, self.headings)
    }

    fn widen(&mut self, gap: Gap) {
        let gap = if self.heading.is_some() { Gap::Space } else { gap };
        self.gap = self.gap.max(gap);
    }

    fn fill_gap(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        if gap >= Gap::Line {
            let kept = self.text.trim_end_matches([' ', '\t', '\n', '\r']).len();
            self.text.truncate(kept);
        }
        let at_start = self.text.is_empty() || self.text.ends_with('\n');
        match gap {
            _ if self.text.is_empty() => {}
            Gap::None => {}
            Gap::Space | Gap::Cell if at_start => {}
            Gap::Space => self.text.push(' '),
            Gap::Cell => self.text.push_str(" | "),
            Gap::Line => self.text.push('\n'),
            Gap::Paragraph => self.text.push_str("\n\n"),
        }
        if !self.marker.is_empty() {
            if self.text.is_empty() || self.text.ends_with('\n') {
                self.text.push_str(&self.marker);
            }
            self.marker.clear();
        }
        if let Some(open) = &mut self.heading
            && open.offset.is_none()
        {
            open.offset = Some(self.text.len());
        }
    }
}

/// Whitespace that carries nothing: ASCII's and the no-break space. Others (ideographic space) are kept.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\t' | '\r' | '\u{c}' | '\u{a0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_headings_and_cells() {
        let mut flow = Flow::default();
        flow.start_heading(1);
        flow.words(" The\n");
        flow.line();
        flow.words("title ");
        flow.end_heading();
        flow.words("One\u{a0}two");
        flow.words(" three");
        flow.line();
        flow.mark("- ".into());
        flow.words("a");
        flow.cell();
        flow.cell();
        flow.words("b");
        flow.paragraph();
        flow.verbatim("\n  x\n\n  y\n");
        flow.paragraph();
        let (text, headings) = flow.finish();
        assert_eq!(text, "The title\n\nOne two three\n- a | b\n\n  x\n\n  y");
        assert_eq!(headings, [Heading { level: 1, text: "The title".into(), offset: 0 }]);
    }

    #[test]
    fn an_empty_heading_is_none() {
        let mut flow = Flow::default();
        flow.words("x");
        flow.start_heading(2);
        flow.words("  ");
        flow.end_heading();
        flow.words("y");
        assert_eq!(flow.finish(), ("x\n\ny".to_owned(), vec![]));
    }
}
