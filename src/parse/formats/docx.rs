//! Word's docx: paragraphs, headings by their style, lists, tables, footnotes; title and author from its properties.

use super::archive::Archive;
use super::xml::{self, Node, attribute, name};
use crate::document::{Document, Metadata};
use crate::parse::dispatch::{Emit, Parser};
use crate::parse::flow::Flow;
use crate::parse::{Format, Limits, ParseError, Source};
use quick_xml::events::BytesStart;
use std::collections::HashMap;

/// Reads docx.
pub(super) struct DocxParser;

impl Parser for DocxParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let mut archive = Archive::open(source, Format::Docx, limits)?;
        let body = archive.required("word/document.xml")?;
        let levels = match archive.text("word/styles.xml")? {
            Some(styles) => heading_styles(&styles)?,
            None => HashMap::new(),
        };
        let mut flow = Flow::default();
        Body::new(&levels, &mut flow).read(&body)?;
        for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
            if let Some(notes) = archive.text(notes)? {
                Body::new(&levels, &mut flow).read(&notes)?;
            }
        }
        let properties = archive.text("docProps/core.xml")?.unwrap_or_default();
        let [title, author, date] = xml::properties(&properties, Format::Docx, ["title", "creator", "created"])?;
        let mut metadata = Metadata::new();
        for (field, value) in [("author", author), ("date", date)] {
            if let Some(value) = value {
                metadata.insert(field, value);
            }
        }
        let (text, headings) = flow.finish();
        let first = || headings.first().map(|heading| heading.text.clone());
        let document = Document {
            id: source.id().into(),
            title: title.or_else(first).unwrap_or_default(),
            text,
            headings,
            metadata,
        };
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}

/// Heading levels by style id. Ids are translated by Word, names and outline levels are not.
fn heading_styles(styles: &str) -> Result<HashMap<String, u8>, ParseError> {
    let mut levels = HashMap::new();
    let mut style = String::new();
    xml::walk(styles, Format::Docx, &mut |node| {
        if let Node::Start(element) = node {
            match name(element) {
                "style" => style = attribute(element, "styleId").unwrap_or_default(),
                "name" => {
                    let called = attribute(element, "val").unwrap_or_default().to_ascii_lowercase();
                    if let Some(level) = named_level(&called) {
                        levels.insert(style.clone(), level);
                    }
                }
                "outlineLvl" => {
                    if let Some(level) = outline_level(element) {
                        levels.entry(style.clone()).or_insert(level);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(levels)
}

fn named_level(style: &str) -> Option<u8> {
    if style == "title" {
        return Some(1);
    }
    let digits = style.strip_prefix("heading")?.trim_start();
    digits.parse().ok().filter(|level| (1..=9).contains(level))
}

/// 0 to 8 are headings, 9 is body text.
fn outline_level(element: &BytesStart<'_>) -> Option<u8> {
    let level: u8 = attribute(element, "val")?.parse().ok()?;
    (level < 9).then_some(level + 1)
}

/// Reads the part that holds the text.
struct Body<'a> {
    levels: &'a HashMap<String, u8>,
    flow: &'a mut Flow,
    cells: usize,
    /// How often an element is open whose content stands elsewhere too.
    fallback: usize,
    in_text: bool,
    /// Whether the paragraph has written nothing yet.
    fresh: bool,
    is_item: bool,
    follows_item: bool,
}

impl<'a> Body<'a> {
    fn new(levels: &'a HashMap<String, u8>, flow: &'a mut Flow) -> Self {
        Self { levels, flow, cells: 0, fallback: 0, in_text: false, fresh: false, is_item: false, follows_item: false }
    }

    /// Before a paragraph's first word, when it is known what the paragraph is: items of a list stand line by line.
    fn open(&mut self) {
        if !std::mem::take(&mut self.fresh) || self.cells > 0 || self.flow.in_heading() {
            return;
        }
        if self.is_item && self.follows_item {
            self.flow.line();
        } else {
            self.flow.paragraph();
        }
        if self.is_item {
            self.flow.mark("- ".to_owned());
        }
        self.follows_item = self.is_item;
    }

    fn read(mut self, body: &str) -> Result<(), ParseError> {
        self.flow.paragraph();
        xml::walk(body, Format::Docx, &mut |node| {
            match node {
                Node::Start(element) => self.start(element),
                Node::End(name) => self.end(name),
                Node::Text(text) if self.in_text && self.fallback == 0 => self.flow.words(text),
                Node::Text(_) => {}
            }
            Ok(())
        })
    }

    fn start(&mut self, element: &BytesStart<'_>) {
        match name(element) {
            "Fallback" => self.fallback += 1,
            _ if self.fallback > 0 => {}
            "p" => {
                self.fresh = true;
                self.is_item = false;
                self.flow.words(" ");
            }
            "pStyle" => {
                let style = attribute(element, "val").unwrap_or_default();
                let known = self.levels.get(&style).copied();
                if let Some(level) = known.or_else(|| named_level(&style.to_ascii_lowercase())) {
                    self.flow.start_heading(level);
                }
            }
            "outlineLvl" if !self.flow.in_heading() => {
                if let Some(level) = outline_level(element) {
                    self.flow.start_heading(level);
                }
            }
            "numPr" => self.is_item = true,
            "t" => {
                self.open();
                self.in_text = true;
            }
            "tab" => self.flow.words(" "),
            "br" | "cr" => self.flow.line(),
            "noBreakHyphen" => self.flow.words("-"),
            "tbl" if self.cells == 0 => self.flow.paragraph(),
            "tr" => self.flow.line(),
            "tc" => {
                self.flow.cell();
                self.cells += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "Fallback" => self.fallback = self.fallback.saturating_sub(1),
            "t" => self.in_text = false,
            "p" if self.flow.in_heading() => {
                self.follows_item = false;
                self.flow.end_heading();
            }
            "tc" => self.cells = self.cells.saturating_sub(1),
            "tr" => self.flow.line(),
            "tbl" if self.cells == 0 => {
                self.follows_item = false;
                self.flow.paragraph();
            }
            _ => {}
        }
    }
}
