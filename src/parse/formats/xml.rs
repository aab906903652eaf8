//! XML as a flat stream of elements and texts, names without their prefixes. Entities are resolved; no DTD is read.

use crate::parse::{Format, ParseError};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;

/// What happens in the stream.
pub(super) enum Node<'a> {
    /// An element begins. An empty one ends right after.
    Start(&'a BytesStart<'a>),
    /// An element ends.
    End(&'a str),
    /// Characters.
    Text(&'a str),
}

/// Hands out the nodes of a document in order.
pub(super) fn walk(
    xml: &str,
    format: Format,
    each: &mut dyn FnMut(Node<'_>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| ParseError::malformed(format, format!("at byte {}: {error}", reader.error_position())))?;
        match event {
            Event::Start(element) => each(Node::Start(&element))?,
            Event::Empty(element) => {
                each(Node::Start(&element))?;
                each(Node::End(element.local_name().into_inner()))?;
            }
            Event::End(element) => each(Node::End(element.local_name().into_inner()))?,
            Event::Text(text) => each(Node::Text(&text.into_inner()))?,
            Event::CData(text) => each(Node::Text(&text.into_inner()))?,
            Event::GeneralRef(reference) => each(Node::Text(&resolved(&reference)))?,
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name = reference.xml10_content();
    match name.as_ref() {
        "nbsp" => " ".to_owned(),
        name => quick_xml::escape::resolve_predefined_entity(name).unwrap_or_default().to_owned(),
    }
}

/// The name of an element, without its prefix.
pub(super) fn name<'a>(element: &'a BytesStart<'a>) -> &'a str {
    element.local_name().into_inner()
}

/// An attribute by its name without prefix, unescaped.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().into_inner() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}

/// The text of the first element of each of these names: `dc:title` and its like in a file of properties.
pub(super) fn properties<const N: usize>(
    xml: &str,
    format: Format,
    names: [&str; N],
) -> Result<[Option<String>; N], ParseError> {
    let mut found = [const { None }; N];
    let mut open: Option<usize> = None;
    walk(xml, format, &mut |node| {
        match node {
            Node::Start(element) => {
                let index = names.iter().position(|wanted| *wanted == name(element));
                open = index.filter(|&index| found.get(index).is_some_and(Option::is_none));
                if let Some(slot) = open.and_then(|index| found.get_mut(index)) {
                    *slot = Some(String::new());
                }
            }
            Node::End(_) => open = None,
            Node::Text(text) => {
                if let Some(Some(value)) = open.and_then(|index| found.get_mut(index)) {
                    value.push_str(text);
                }
            }
        }
        Ok(())
    })?;
    Ok(found.map(|value| value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())))
}
