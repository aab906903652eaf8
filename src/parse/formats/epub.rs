//! EPUB: the chapters in reading order, each through the HTML parser, as one document.

use super::archive::Archive;
use super::xml::{self, Node, attribute, name};
use crate::document::{Document, Heading, Metadata};
use crate::parse::dispatch::{Emit, Parser};
use crate::parse::{Format, Limits, ParseError, Source, html};
use std::collections::HashMap;

/// Reads EPUB 2 and 3.
pub(super) struct EpubParser;

impl Parser for EpubParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let mut archive = Archive::open(source, Format::Epub, limits)?;
        let package_path = package_path(&archive.required("META-INF/container.xml")?)?;
        let package = archive.required(&package_path)?;
        let folder = package_path.rsplit_once('/').map_or("", |(folder, _)| folder);

        let mut text = String::new();
        let mut headings = Vec::new();
        for chapter in spine(&package)? {
            let Some(markup) = archive.text(&resolve(folder, &chapter))? else {
                continue;
            };
            let page = html::read(&markup);
            if page.text.is_empty() {
                continue;
            }
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            headings
                .extend(page.headings.into_iter().map(|heading| Heading { offset: heading.offset + start, ..heading }));
            text.push_str(&page.text);
            if text.len() > limits.max_document_bytes {
                return Err(ParseError::TooLarge {
                    what: "the book's text".to_owned(),
                    limit: limits.max_document_bytes as u64,
                });
            }
        }

        let [title, author, language, date] =
            xml::properties(&package, Format::Epub, ["title", "creator", "language", "date"])?;
        let mut metadata = Metadata::new();
        for (field, value) in [("author", author), ("lang", language), ("date", date)] {
            if let Some(value) = value {
                metadata.insert(field, value);
            }
        }
        let document = Document { id: source.id().into(), title: title.unwrap_or_default(), text, headings, metadata };
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}

fn package_path(container: &str) -> Result<String, ParseError> {
    let mut path = None;
    xml::walk(container, Format::Epub, &mut |node| {
        if let Node::Start(element) = node
            && name(element) == "rootfile"
            && path.is_none()
        {
            path = attribute(element, "full-path");
        }
        Ok(())
    })?;
    path.ok_or_else(|| ParseError::malformed(Format::Epub, "META-INF/container.xml names no package"))
}

/// The paths of the chapters in reading order, without the table of contents.
fn spine(package: &str) -> Result<Vec<String>, ParseError> {
    let mut chapters: HashMap<String, String> = HashMap::new();
    let mut order = Vec::new();
    xml::walk(package, Format::Epub, &mut |node| {
        if let Node::Start(element) = node {
            match name(element) {
                "item" => {
                    let media = attribute(element, "media-type").unwrap_or_default();
                    let properties = attribute(element, "properties").unwrap_or_default();
                    let is_contents = properties.split_ascii_whitespace().any(|word| word == "nav");
                    if media.contains("html")
                        && !is_contents
                        && let (Some(id), Some(path)) = (attribute(element, "id"), attribute(element, "href"))
                    {
                        chapters.insert(id, path);
                    }
                }
                "itemref" => order.extend(attribute(element, "idref")),
                _ => {}
            }
        }
        Ok(())
    })?;
    // `remove`: a chapter named twice is read once.
    Ok(order.iter().filter_map(|id| chapters.remove(id)).collect())
}

/// A link of the package as a path in the archive.
fn resolve(folder: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let mut parts: Vec<String> = Vec::new();
    for part in folder.split('/').map(str::to_owned).chain(link.split('/').map(percent_decoded)) {
        match part.as_str() {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn percent_decoded(part: &str) -> String {
    let mut decoded = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |byte: Option<u8>| byte.and_then(|digit| char::from(digit).to_digit(16));
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        assert_eq!(resolve("OEBPS", "text/a%20b.xhtml#x"), "OEBPS/text/a b.xhtml");
        assert_eq!(resolve("a/b", "../c.html"), "a/c.html");
        assert_eq!(resolve("", "100%.html"), "100%.html");
    }
}
