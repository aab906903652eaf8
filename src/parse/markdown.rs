//! Markdown to flowing text: CommonMark with tables, task lists, footnotes and strikethrough, and front matter.

use super::dispatch::{Emit, Parser};
use super::flow::Flow;
use super::{Limits, ParseError, Source, encoding, front_matter, html};
use crate::document::{Document, Metadata};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser as Events, Tag, TagEnd};
use serde_json::Value;

/// Reads Markdown.
pub(super) struct MarkdownParser;

impl Parser for MarkdownParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let markdown = encoding::decode(source.read(limits)?);
        let (mut metadata, body) = front_matter::split(&markdown);
        let mut flow = Flow::default();
        write(body, &mut flow);
        let (text, headings) = flow.finish();
        let title = match metadata.get("title") {
            Some(Value::String(title)) => title.clone(),
            _ => headings.first().map(|heading| heading.text.clone()).unwrap_or_default(),
        };
        if metadata.get("title").is_some_and(Value::is_string) {
            metadata.remove("title");
        }
        let document = assemble(source, title, text, headings, metadata);
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}

fn assemble(
    source: &Source,
    title: String,
    text: String,
    headings: Vec<crate::document::Heading>,
    metadata: Metadata,
) -> Document {
    Document { id: source.id().into(), title, text, headings, metadata }
}

/// How deep lists are indented at most: deeper nesting is a machine's.
const MAX_INDENT: usize = 8;

fn write(markdown: &str, flow: &mut Flow) {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM;
    // The next number of each open list; `None` for bullets.
    let mut lists: Vec<Option<u64>> = Vec::new();
    let mut in_code = false;
    let mut raw_html = String::new();
    for event in Events::new_ext(markdown, options) {
        match event {
            Event::Start(tag) => match tag {
                Tag::Heading { level, .. } => flow.start_heading(depth(level)),
                Tag::CodeBlock(_) => {
                    flow.paragraph();
                    in_code = true;
                }
                Tag::List(first) => {
                    if lists.is_empty() {
                        flow.paragraph();
                    }
                    lists.push(first);
                }
                Tag::Item => {
                    flow.line();
                    let indent = "  ".repeat(lists.len().saturating_sub(1).min(MAX_INDENT));
                    flow.mark(match lists.last_mut() {
                        Some(Some(number)) => {
                            *number = number.saturating_add(1);
                            format!("{indent}{}. ", *number - 1)
                        }
                        _ => format!("{indent}- "),
                    });
                }
                Tag::TableRow => flow.line(),
                Tag::TableCell => flow.cell(),
                Tag::Paragraph if lists.is_empty() => flow.paragraph(),
                Tag::Paragraph => flow.line(),
                Tag::BlockQuote(_) | Tag::Table(_) | Tag::FootnoteDefinition(_) => flow.paragraph(),
                _ => {}
            },
            Event::End(end) => match end {
                TagEnd::Heading(_) => flow.end_heading(),
                TagEnd::CodeBlock => {
                    in_code = false;
                    flow.paragraph();
                }
                TagEnd::List(_) => {
                    lists.pop();
                    if lists.is_empty() {
                        flow.paragraph();
                    }
                }
                TagEnd::HtmlBlock => {
                    flow.paragraph();
                    flow.words(&html::words(&std::mem::take(&mut raw_html)));
                    flow.paragraph();
                }
                TagEnd::TableHead | TagEnd::TableRow | TagEnd::Item => flow.line(),
                TagEnd::Paragraph if lists.is_empty() => flow.paragraph(),
                TagEnd::Paragraph => flow.line(),
                TagEnd::BlockQuote(_) | TagEnd::Table | TagEnd::FootnoteDefinition => flow.paragraph(),
                _ => {}
            },
            Event::Text(text) if in_code => flow.verbatim(&text),
            Event::Text(text) | Event::Code(text) => flow.words(&text),
            Event::Html(html) => raw_html.push_str(&html),
            Event::InlineHtml(tag) if tag.starts_with("<br") => flow.line(),
            Event::SoftBreak => flow.words(" "),
            Event::HardBreak => flow.line(),
            Event::Rule => flow.paragraph(),
            Event::FootnoteReference(name) => flow.words(&format!("[{name}]")),
            _ => {}
        }
    }
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
