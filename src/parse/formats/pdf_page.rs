//! The text of one pdf page: a page draws strings at places, and lines, words and paragraphs are guessed from those.
//!
//! Strings are taken in drawing order, which is reading order in nearly every file. A move up or down begins a line, a
//! larger one a paragraph; a gap wider than a fifth of the letters' size is a space; a hyphen at a line's end before a
//! small letter joins the word again.

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Encoding, Object, ObjectId};
use std::collections::BTreeMap;

/// A font of the page.
struct Font<'a> {
    encoding: Encoding<'a>,
    /// Widths of characters from `first` on, in thousandths of the letters' size; empty where not known.
    widths: Vec<f32>,
    first: usize,
}

/// Collects the text of a page.
pub(super) struct PageText<'a> {
    fonts: BTreeMap<Vec<u8>, Font<'a>>,
    font: Option<Vec<u8>>,
    size: f32,
    /// Scale of the text matrix.
    scale: (f32, f32),
    leading: f32,
    /// Start of the line, and where the next string goes.
    line: (f32, f32),
    x: f32,
    /// Where the last string ended.
    last: Option<(f32, f32)>,
    text: String,
}

/// What a string's width is taken for where the font does not say, in thousandths.
const USUAL_WIDTH: f32 = 500.0;

impl<'a> PageText<'a> {
    /// The page's text, without whitespace around.
    pub(super) fn read(pdf: &'a Document, page: ObjectId, max_bytes: usize) -> lopdf::Result<String> {
        let mut fonts = BTreeMap::new();
        for (name, dictionary) in pdf.get_page_fonts(page)? {
            if let Ok(encoding) = dictionary.get_font_encoding_with_limit(pdf, max_bytes) {
                let (first, widths) = widths(pdf, dictionary);
                let font = Font { encoding, widths, first };
                fonts.insert(name, font);
            }
        }
        let content = pdf.get_page_content_with_limit(page, max_bytes)?;
        let mut page = PageText {
            fonts,
            font: None,
            size: 1.0,
            scale: (1.0, 1.0),
            leading: 0.0,
            line: (0.0, 0.0),
            x: 0.0,
            last: None,
            text: String::new(),
        };
        for operation in Content::decode(&content)?.operations {
            page.run(&operation);
        }
        Ok(page.text.trim().to_owned())
    }

    fn run(&mut self, operation: &Operation) {
        let operands = operation.operands.as_slice();
        let number = |index: usize| operands.get(index).and_then(|operand| operand.as_float().ok()).unwrap_or(0.0);
        match operation.operator.as_str() {
            "BT" => {
                self.scale = (1.0, 1.0);
                self.place(0.0, 0.0);
            }
            "Tf" => {
                self.font = operands.first().and_then(|name| name.as_name().ok()).map(<[u8]>::to_vec);
                self.size = number(1);
            }
            "TL" => self.leading = number(0),
            "Td" => self.step(number(0), number(1)),
            "TD" => {
                self.leading = -number(1);
                self.step(number(0), number(1));
            }
            "Tm" => {
                let length = |a: f32, b: f32| a.hypot(b).max(f32::MIN_POSITIVE);
                self.scale = (length(number(0), number(1)), length(number(2), number(3)));
                self.place(number(4), number(5));
            }
            "T*" => self.step(0.0, -self.leading),
            "Tj" => self.show(operands.first()),
            "'" => {
                self.step(0.0, -self.leading);
                self.show(operands.first());
            }
            "\"" => {
                self.step(0.0, -self.leading);
                self.show(operands.get(2));
            }
            "TJ" => {
                let parts = operands.first().and_then(|parts| parts.as_array().ok());
                for part in parts.into_iter().flatten() {
                    match part.as_float() {
                        Ok(kerning) => self.x -= kerning / 1000.0 * self.size * self.scale.0,
                        Err(_) => self.show(Some(part)),
                    }
                }
            }
            _ => {}
        }
    }

    fn place(&mut self, x: f32, y: f32) {
        self.line = (x, y);
        self.x = x;
    }

    fn step(&mut self, x: f32, y: f32) {
        self.place(self.line.0 + x * self.scale.0, self.line.1 + y * self.scale.1);
    }

    fn show(&mut self, string: Option<&Object>) {
        let Some(Ok(bytes)) = string.map(Object::as_str) else {
            return;
        };
        let Some(font) = self.font.as_ref().and_then(|name| self.fonts.get(name)) else {
            return;
        };
        let Ok(shown) = Document::decode_text(&font.encoding, bytes) else {
            return;
        };
        let height = (self.size * self.scale.1).abs().max(0.1);
        let thousandths: f32 = if font.widths.is_empty() {
            shown.chars().count() as f32 * USUAL_WIDTH
        } else {
            let width = |byte: &u8| usize::from(*byte).checked_sub(font.first).and_then(|index| font.widths.get(index));
            bytes.iter().map(|byte| width(byte).copied().unwrap_or(USUAL_WIDTH)).sum()
        };
        self.separate(height, &shown);
        // Other control characters are glyphs without a meaning of their own.
        self.text.extend(shown.chars().filter(|c| !c.is_control()));
        self.x += thousandths / 1000.0 * self.size * self.scale.0;
        self.last = Some((self.x, self.line.1));
    }

    /// What stands between the last string and this one.
    fn separate(&mut self, height: f32, next: &str) {
        let Some((x, y)) = self.last else { return };
        let rise = (self.line.1 - y).abs();
        if rise > height * 0.5 {
            let trimmed = self.text.trim_end_matches(' ').len();
            self.text.truncate(trimmed);
            let goes_on = next.chars().next().is_some_and(char::is_lowercase);
            let mut ending = self.text.chars().rev();
            let hyphenated = ending.next() == Some('-') && ending.next().is_some_and(char::is_alphabetic);
            if hyphenated && goes_on {
                self.text.pop();
            } else if rise > height * 1.8 {
                self.text.push_str("\n\n");
            } else {
                self.text.push('\n');
            }
        } else if self.x - x > height * 0.2 || x - self.x > height {
            let spaced = self.text.ends_with([' ', '\n']) || next.starts_with(' ');
            if !spaced {
                self.text.push(' ');
            }
        }
    }
}

fn widths(pdf: &Document, font: &Dictionary) -> (usize, Vec<f32>) {
    let first = font.get(b"FirstChar").and_then(Object::as_i64).unwrap_or(0);
    let widths = font.get(b"Widths").and_then(|widths| pdf.dereference(widths));
    let widths = widths.and_then(|(_, widths)| widths.as_array());
    let widths = widths.map(|widths| widths.iter().map(|width| width.as_float().unwrap_or(USUAL_WIDTH)).collect());
    (usize::try_from(first).unwrap_or(0), widths.unwrap_or_default())
}
