//! From tags and text to flowing text: keeps the little state that text needs and writes to a [`Flow`].

use super::elements::{Role, attribute, has_optional_end, is_hidden, is_void, role};
use super::entity;
use super::lexer::{Attribute, Lexer, Token};
use super::name::Name;
use crate::document::Metadata;
use crate::parse::flow::{Flow, Place};

/// How deep lists are indented at most: deeper nesting is a machine's.
const MAX_INDENT: usize = 8;

/// Meta elements that say something about the page, and the metadata they become.
const META: [(&str, &str); 7] = [
    ("description", "description"),
    ("author", "author"),
    ("date", "date"),
    ("keywords", "keywords"),
    ("article:published_time", "date"),
    ("dc.date", "date"),
    ("dc.creator", "author"),
];

/// What has been read of a page.
#[derive(Debug, Default)]
pub(super) struct Extraction {
    /// Text outside and inside of the main part.
    outside: Flow,
    main: Flow,
    pub(super) title: String,
    pub(super) metadata: Metadata,
    main_depth: usize,
    article_depth: usize,
    pre_depth: usize,
    in_title: bool,
    /// The element whose content is being dropped, and how often it is open.
    dropped: Option<(Name, usize)>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<usize>>,
    /// Where the open link began.
    anchor: Option<Place>,
    keep_chrome: bool,
}

impl Extraction {
    /// Reads a page. `keep_chrome`: also what is navigation by its element or class.
    pub(super) fn of(page: &str, keep_chrome: bool) -> Self {
        let mut extraction = Self { keep_chrome, ..Self::default() };
        let mut lexer = Lexer::new(page);
        while let Some(token) = lexer.next() {
            match token {
                Token::Text(_) | Token::Raw(_) if extraction.dropped.is_some() => {}
                Token::Text(text) => entity::decode(text, &mut |piece| extraction.characters(piece)),
                Token::Raw(text) => extraction.characters(text),
                Token::Start { name, self_closing } => extraction.start(name, lexer.attributes(), self_closing),
                Token::End { name } => extraction.end(name),
            }
        }
        extraction
    }

    /// The text of the main part, or of the whole page where there is none.
    pub(super) fn into_flow(self) -> Flow {
        if self.main.len() > 0 { self.main } else { self.outside }
    }

    /// Whether no text was found at all.
    pub(super) fn is_empty(&self) -> bool {
        self.main.len() == 0 && self.outside.len() == 0
    }

    fn flow(&mut self) -> &mut Flow {
        if self.main_depth > 0 { &mut self.main } else { &mut self.outside }
    }

    fn characters(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if self.pre_depth == 0 {
            self.flow().words(text);
        } else if text.contains('\r') {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            self.flow().verbatim(&text);
        } else {
            self.flow().verbatim(text);
        }
    }

    fn start(&mut self, name: Name, attributes: &[Attribute<'_>], self_closing: bool) {
        if let Some((dropped, depth)) = &mut self.dropped {
            if *dropped == name && !self_closing {
                *depth += 1;
            }
            return;
        }
        let role = role(name);
        if self.is_dropped(role, name, attributes) {
            if !is_void(name) && !self_closing {
                self.dropped = Some((name, 1));
            }
            return;
        }
        self.leave_heading(role);
        match role {
            Role::Dropped | Role::Chrome => {}
            Role::Inline => {
                // rustdoc's badges (Deprecated, Experimental) touch the name before them.
                if attributes.iter().any(|(_, value)| value.starts_with("stab ")) {
                    self.flow().words(" ");
                }
            }
            Role::Anchor => self.anchor = Some(self.flow().place()),
            Role::Root => self.note("lang", &attribute(attributes, "lang").unwrap_or_default()),
            Role::Meta => self.meta(attributes),
            Role::Title => self.in_title = self.title.is_empty() && !self_closing,
            Role::Main => {
                self.main_depth += 1;
                self.flow().paragraph();
            }
            Role::Article => {
                self.article_depth += 1;
                self.flow().paragraph();
            }
            Role::Heading(level) => self.flow().start_heading(level),
            Role::Pre => {
                self.flow().paragraph();
                self.pre_depth += 1;
            }
            Role::List(ordered) => {
                self.break_list();
                let first = attribute(attributes, "start").and_then(|start| start.parse().ok());
                self.lists.push(ordered.then(|| first.unwrap_or(1)));
            }
            Role::Item => self.item(),
            Role::Cell => self.flow().cell(),
            Role::Row | Role::Line | Role::Break => self.flow().line(),
            Role::Paragraph | Role::Header => self.paragraph(),
            Role::Division => self.division(),
        }
    }

    fn end(&mut self, name: Name) {
        if let Some((dropped, depth)) = &mut self.dropped {
            if *dropped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.dropped = None;
                }
            }
            return;
        }
        match role(name) {
            Role::Title => self.in_title = false,
            Role::Main => {
                self.flow().paragraph();
                self.main_depth = self.main_depth.saturating_sub(1);
            }
            Role::Article => {
                self.article_depth = self.article_depth.saturating_sub(1);
                self.flow().paragraph();
            }
            Role::Heading(_) => self.flow().end_heading(),
            Role::Pre => {
                self.pre_depth = self.pre_depth.saturating_sub(1);
                self.flow().paragraph();
            }
            Role::List(_) => {
                self.lists.pop();
                self.break_list();
            }
            Role::Item | Role::Row | Role::Line => self.flow().line(),
            Role::Paragraph | Role::Header => self.paragraph(),
            Role::Division => self.division(),
            Role::Anchor => self.end_anchor(),
            _ => {}
        }
    }

    fn is_dropped(&self, role: Role, name: Name, attributes: &[Attribute<'_>]) -> bool {
        match role {
            Role::Dropped => true,
            _ if self.keep_chrome => false,
            Role::Chrome => true,
            Role::Header if self.main_depth == 0 && self.article_depth == 0 => true,
            _ => !attributes.is_empty() && !has_optional_end(name) && is_hidden(attributes),
        }
    }

    /// A heading that was never closed ends at the next block.
    fn leave_heading(&mut self, role: Role) {
        let is_block =
            matches!(role, Role::Heading(_) | Role::Pre | Role::Paragraph | Role::List(_) | Role::Item | Role::Row);
        if is_block && self.flow().in_heading() {
            self.flow().end_heading();
        }
    }

    fn paragraph(&mut self) {
        if self.pre_depth > 0 || !self.lists.is_empty() {
            self.flow().line();
        } else {
            self.flow().paragraph();
        }
    }

    fn division(&mut self) {
        if self.flow().in_heading() {
            self.flow().words(" ");
        } else {
            self.paragraph();
        }
    }

    fn break_list(&mut self) {
        if self.lists.is_empty() {
            self.flow().paragraph();
        } else {
            self.flow().line();
        }
    }

    fn item(&mut self) {
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(MAX_INDENT));
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                format!("{indent}{}. ", *number - 1)
            }
            _ => format!("{indent}- "),
        };
        let flow = self.flow();
        flow.line();
        flow.mark(marker);
    }

    /// Documentation generators put a sign to link to beside each heading; it is no word of it.
    fn end_anchor(&mut self) {
        if let Some(start) = self.anchor.take()
            && matches!(self.flow().since(&start).trim(), "§" | "¶" | "#" | "🔗")
        {
            self.flow().take_back(&start);
        }
    }

    fn meta(&mut self, attributes: &[Attribute<'_>]) {
        let name = attribute(attributes, "name").or_else(|| attribute(attributes, "property"));
        let (Some(name), Some(content)) = (name, attribute(attributes, "content")) else {
            return;
        };
        let known = META.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        if let Some((_, field)) = known {
            self.note(field, &content);
        }
    }

    fn note(&mut self, field: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && !self.metadata.contains_key(field) {
            self.metadata.insert(field, value);
        }
    }
}
