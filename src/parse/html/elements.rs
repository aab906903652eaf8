//! What each element of HTML means for the text around it.

use html5ever::{Attribute, LocalName, local_name};

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
pub(super) fn role(name: &LocalName) -> Role {
    match *name {
        local_name!("span") | local_name!("code") => Role::Inline,
        local_name!("a") => Role::Anchor,
        local_name!("div") => Role::Division,
        local_name!("p")
        | local_name!("section")
        | local_name!("blockquote")
        | local_name!("table")
        | local_name!("dl")
        | local_name!("figure")
        | local_name!("details")
        | local_name!("form")
        | local_name!("fieldset")
        | local_name!("hr")
        | local_name!("body") => Role::Paragraph,
        local_name!("h1") => Role::Heading(1),
        local_name!("h2") => Role::Heading(2),
        local_name!("h3") => Role::Heading(3),
        local_name!("h4") => Role::Heading(4),
        local_name!("h5") => Role::Heading(5),
        local_name!("h6") => Role::Heading(6),
        local_name!("pre") | local_name!("listing") | local_name!("xmp") | local_name!("textarea") => Role::Pre,
        local_name!("ul") | local_name!("menu") => Role::List(false),
        local_name!("ol") => Role::List(true),
        local_name!("li") => Role::Item,
        local_name!("tr") => Role::Row,
        local_name!("td") | local_name!("th") => Role::Cell,
        local_name!("br") => Role::Break,
        local_name!("dt")
        | local_name!("dd")
        | local_name!("summary")
        | local_name!("caption")
        | local_name!("figcaption")
        | local_name!("legend")
        | local_name!("address")
        | local_name!("thead")
        | local_name!("tbody")
        | local_name!("tfoot") => Role::Line,
        local_name!("main") => Role::Main,
        local_name!("article") => Role::Article,
        local_name!("header") | local_name!("footer") => Role::Header,
        local_name!("nav")
        | local_name!("aside")
        | local_name!("button")
        | local_name!("select")
        | local_name!("datalist")
        | local_name!("dialog") => Role::Chrome,
        local_name!("script")
        | local_name!("style")
        | local_name!("template")
        | local_name!("noscript")
        | local_name!("svg")
        | local_name!("iframe")
        | local_name!("noembed")
        | local_name!("noframes")
        | local_name!("object")
        | local_name!("canvas")
        | local_name!("audio")
        | local_name!("video") => Role::Dropped,
        local_name!("title") => Role::Title,
        local_name!("meta") => Role::Meta,
        local_name!("html") => Role::Root,
        // rustdoc's own top bar repeats the page's title.
        _ if &**name == "rustdoc-topbar" || &**name == "rustdoc-toolbar" => Role::Chrome,
        _ => Role::Inline,
    }
}

/// Whether an element never has an end tag, so that nothing can be inside it.
pub(super) fn is_void(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("area")
            | local_name!("base")
            | local_name!("br")
            | local_name!("col")
            | local_name!("embed")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("input")
            | local_name!("link")
            | local_name!("meta")
            | local_name!("param")
            | local_name!("source")
            | local_name!("track")
            | local_name!("wbr")
    )
}

/// Whether an element's end tag is often left out, so that nobody knows where its content ends.
pub(super) fn has_optional_end(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("p")
            | local_name!("li")
            | local_name!("dt")
            | local_name!("dd")
            | local_name!("tr")
            | local_name!("td")
            | local_name!("th")
            | local_name!("thead")
            | local_name!("tbody")
            | local_name!("tfoot")
            | local_name!("option")
            | local_name!("html")
            | local_name!("body")
            | local_name!("head")
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
pub(super) fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &*attribute.name.local {
        "hidden" => !attribute.value.eq_ignore_ascii_case("until-found"),
        "data-nosnippet" => true,
        "aria-hidden" => attribute.value.eq_ignore_ascii_case("true"),
        "role" => matches!(&*attribute.value, "navigation" | "search" | "menu" | "menubar"),
        "class" => attribute.value.split_ascii_whitespace().any(|class| CHROME_CLASSES.contains(&class)),
        "style" => is_displayed_none(&attribute.value),
        _ => false,
    })
}

fn is_displayed_none(style: &str) -> bool {
    style.split(';').any(|declaration| {
        declaration.split_once(':').is_some_and(|(property, value)| {
            property.trim().eq_ignore_ascii_case("display") && value.trim().eq_ignore_ascii_case("none")
        })
    })
}
