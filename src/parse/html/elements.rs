//! What each element of HTML means for the text around it.

use super::entity;
use super::lexer::Attribute;
use super::name::{Name, tag};

/// An element's part in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Words go on through it.
    Inline,
    /// Its content is no text of the page.
    Dropped,
    /// Dropped unless the page has nothing else: navigation, sidebars, controls.
    Chrome,
    /// Chrome around a page, part of the text inside its main part.
    Header,
    /// The title of the page.
    Title,
    /// The main part of the page.
    Main,
    /// An article: its header and footer belong to it.
    Article,
    /// A heading, level 1 to 6.
    Heading(u8),
    /// Text whose whitespace is kept.
    Pre,
    /// A block apart from its neighbours.
    Paragraph,
    /// A block apart from its neighbours that may stand inside a heading or code.
    Division,
    /// A line of its own.
    Line,
    /// A line break.
    Break,
    /// A list; `true` when it is numbered.
    List(bool),
    /// An item of a list.
    Item,
    /// A row of a table.
    Row,
    /// A cell of a row.
    Cell,
    /// A link or an anchor.
    Anchor,
    /// The root element.
    Root,
    /// A fact about the page.
    Meta,
}

/// The role of an element by its name.
pub(super) fn role(name: Name) -> Role {
    match name {
        tag::SPAN | tag::CODE => Role::Inline,
        tag::A => Role::Anchor,
        tag::DIV => Role::Division,
        tag::P
        | tag::SECTION
        | tag::BLOCKQUOTE
        | tag::TABLE
        | tag::DL
        | tag::FIGURE
        | tag::DETAILS
        | tag::FORM
        | tag::FIELDSET
        | tag::HR
        | tag::BODY => Role::Paragraph,
        tag::H1 => Role::Heading(1),
        tag::H2 => Role::Heading(2),
        tag::H3 => Role::Heading(3),
        tag::H4 => Role::Heading(4),
        tag::H5 => Role::Heading(5),
        tag::H6 => Role::Heading(6),
        tag::PRE | tag::LISTING | tag::XMP | tag::TEXTAREA => Role::Pre,
        tag::UL | tag::MENU => Role::List(false),
        tag::OL => Role::List(true),
        tag::LI => Role::Item,
        tag::TR => Role::Row,
        tag::TD | tag::TH => Role::Cell,
        tag::BR => Role::Break,
        tag::DT
        | tag::DD
        | tag::SUMMARY
        | tag::CAPTION
        | tag::FIGCAPTION
        | tag::LEGEND
        | tag::ADDRESS
        | tag::THEAD
        | tag::TBODY
        | tag::TFOOT => Role::Line,
        tag::MAIN => Role::Main,
        tag::ARTICLE => Role::Article,
        tag::HEADER | tag::FOOTER => Role::Header,
        tag::NAV | tag::ASIDE | tag::BUTTON | tag::SELECT | tag::DATALIST | tag::DIALOG => Role::Chrome,
        tag::SCRIPT
        | tag::STYLE
        | tag::TEMPLATE
        | tag::NOSCRIPT
        | tag::SVG
        | tag::IFRAME
        | tag::NOEMBED
        | tag::NOFRAMES
        | tag::OBJECT
        | tag::CANVAS
        | tag::AUDIO
        | tag::VIDEO => Role::Dropped,
        tag::TITLE => Role::Title,
        tag::META => Role::Meta,
        tag::HTML => Role::Root,
        // rustdoc's own top bar repeats the page's title.
        tag::RUSTDOC_TOPBAR | tag::RUSTDOC_TOOLBAR => Role::Chrome,
        _ => Role::Inline,
    }
}

/// Whether an element never has an end tag, so that nothing can be inside it.
pub(super) fn is_void(name: Name) -> bool {
    matches!(
        name,
        tag::AREA
            | tag::BASE
            | tag::BR
            | tag::COL
            | tag::EMBED
            | tag::HR
            | tag::IMG
            | tag::INPUT
            | tag::LINK
            | tag::META
            | tag::PARAM
            | tag::SOURCE
            | tag::TRACK
            | tag::WBR
    )
}

/// Whether an element's end tag is often left out, so that nobody knows where its content ends.
pub(super) fn has_optional_end(name: Name) -> bool {
    matches!(
        name,
        tag::P
            | tag::LI
            | tag::DT
            | tag::DD
            | tag::TR
            | tag::TD
            | tag::TH
            | tag::THEAD
            | tag::TBODY
            | tag::TFOOT
            | tag::OPTION
            | tag::HTML
            | tag::BODY
            | tag::HEAD
    )
}

/// Classes of what only looks like text: hidden words, and the controls of documentation generators.
const CHROME_CLASSES: [&str; 9] = [
    "tooltip",
    "hideme",
    "rightside",
    "sub-heading",
    "sr-only",
    "visually-hidden",
    "screen-reader-text",
    "skip-main-content",
    "mdbook-help-container",
];

/// Whether the attributes say that the element is not for reading.
pub(super) fn is_hidden(attributes: &[Attribute<'_>]) -> bool {
    attributes.iter().any(|&(attribute, value)| match Name::new(attribute) {
        tag::HIDDEN => !value.eq_ignore_ascii_case("until-found"),
        tag::DATA_NOSNIPPET => true,
        tag::ARIA_HIDDEN => value.eq_ignore_ascii_case("true"),
        tag::ROLE => matches!(value, "navigation" | "search" | "menu" | "menubar"),
        tag::CLASS => value.split_ascii_whitespace().any(|class| CHROME_CLASSES.contains(&class)),
        tag::STYLE => is_displayed_none(value),
        _ => false,
    })
}

/// The value of an attribute, references resolved.
pub(super) fn attribute(attributes: &[Attribute<'_>], name: &str) -> Option<String> {
    let found = attributes.iter().find(|(attribute, _)| attribute.eq_ignore_ascii_case(name));
    found.map(|(_, value)| entity::decoded(value))
}

fn is_displayed_none(style: &str) -> bool {
    style.split(';').any(|declaration| {
        declaration.split_once(':').is_some_and(|(property, value)| {
            property.trim().eq_ignore_ascii_case("display") && value.trim().eq_ignore_ascii_case("none")
        })
    })
}
