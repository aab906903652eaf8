//! One document to read, open at the passage that was found.

use std::fmt::Write;
use std::ops::Range;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use neodex::{Document, Heading};
use serde::Deserialize;

use crate::body::query::Query;
use crate::refusal::Refusal;
use crate::state::App;
use crate::ui::html::{Escaped, encoded, frame};
use crate::ui::marks::{Stretch, marked};
use crate::ui::prose::joined;
use crate::ui::title;

/// Bytes of a text that are shown at once; a longer one is shown around the passage.
const WINDOW: usize = 256 << 10;
/// Bytes of the window before the passage.
const BEFORE: usize = 64 << 10;

/// What the address says.
#[derive(Debug, Deserialize)]
pub(crate) struct View {
    id: String,
    /// The passage, in bytes of the text.
    #[serde(default)]
    from: usize,
    #[serde(default)]
    to: usize,
    /// Words to mark: `from-to`, in bytes of the text, with commas between.
    #[serde(default)]
    marks: String,
    /// The search this came from.
    #[serde(default)]
    back: String,
    /// Where the window starts, when the reader moved it.
    at: Option<usize>,
}

/// `GET /document`.
pub(crate) async fn show(State(app): State<App>, Query(view): Query<View>) -> Result<Response, Refusal> {
    let db = app.db.clone();
    let id = view.id.clone();
    let found = app.work.run(move || db.get(&id)).await??;
    let back = back(&view);
    let Some(document) = found else {
        let body = format!(
            "{back}<main class=\"document\"><h1>There is no document <code>{}</code></h1></main>",
            Escaped(&view.id)
        );
        return Ok((StatusCode::NOT_FOUND, Html(frame("Not found · neodex", "reading", &body))).into_response());
    };
    let name = title::shown(&document.title, document.id.as_str());
    let body = format!(
        "{back}<main class=\"document\"><h1>{}</h1><p class=\"where\">{}</p>{}{}</main>",
        Escaped(name),
        Escaped(document.id.as_str()),
        metadata(&document),
        text(&document, &view)
    );
    Ok(Html(frame(&format!("{name} · neodex"), "reading", &body)).into_response())
}

/// The way back: to an address of the page, never to anywhere else.
fn back(view: &View) -> String {
    let address = if view.back.starts_with("/?") { view.back.as_str() } else { "/" };
    let jump = if view.to > view.from { "<a class=\"jump\" href=\"#passage\">To the passage</a>" } else { "" };
    format!("<header class=\"bar\"><a id=\"back\" href=\"{}\">← Results</a>{jump}</header>", Escaped(address))
}

fn metadata(document: &Document) -> String {
    let mut rows = String::new();
    for (name, value) in document.metadata.iter() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(rows, "<tr><th>{}</th><td>{}</td></tr>", Escaped(name), Escaped(&value));
    }
    if rows.is_empty() {
        rows
    } else {
        format!("<details class=\"metadata\"><summary>Metadata</summary><table>{rows}</table></details>")
    }
}

fn text(document: &Document, view: &View) -> String {
    let all = document.text.as_str();
    let window = window(all, view);
    let passage = view.from..view.to.min(all.len());
    let marks = marks(&view.marks);
    let mut page = String::new();
    let moved = |at: usize| {
        format!(
            "/document?id={}&from={}&to={}&back={}&at={at}",
            encoded(&view.id),
            view.from,
            view.to,
            encoded(&view.back)
        )
    };
    if window.start > 0 {
        let earlier = moved(window.start.saturating_sub(WINDOW - BEFORE));
        let _ = write!(page, "<p class=\"more\"><a href=\"{}\">↑ Earlier text</a></p>", Escaped(&earlier));
    }
    page.push_str("<div class=\"text\">");
    let mut opened = false;
    for block in blocks(all, &document.headings, window.clone()) {
        let tag = match block.level {
            Some(level) => format!("h{}", (level + 1).clamp(2, 6)),
            None => "p".to_owned(),
        };
        let inside = block.range.start < passage.end && passage.start < block.range.end;
        // The passage may begin deep in a long paragraph: the page has to open there, not where the paragraph begins.
        let begins_inside = passage.start > block.range.start;
        let inner = inline(all, &block.range, &passage, &marks, inside && begins_inside && !opened);
        let class = if inside { " class=\"in\"" } else { "" };
        let anchor = if inside && !begins_inside && !opened { " id=\"passage\" tabindex=\"-1\"" } else { "" };
        opened |= inside;
        let _ = write!(page, "<{tag}{anchor}{class}>{inner}</{tag}>");
    }
    page.push_str("</div>");
    if window.end < all.len() {
        let _ = write!(page, "<p class=\"more\"><a href=\"{}\">↓ Later text</a></p>", Escaped(&moved(window.end)));
    }
    page
}

/// The part of the text that is shown, from line to line.
fn window(text: &str, view: &View) -> Range<usize> {
    if text.len() <= WINDOW {
        return 0..text.len();
    }
    let wanted = view.at.unwrap_or_else(|| view.from.saturating_sub(BEFORE)).min(text.len());
    let wanted = text.floor_char_boundary(wanted);
    let start = text.get(..wanted).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let most = text.floor_char_boundary((start + WINDOW).min(text.len()));
    let end = match text.get(start..most).and_then(|shown| shown.rfind('\n')) {
        Some(line) if most < text.len() => start + line + 1,
        _ => most,
    };
    start..end
}

/// A paragraph or a heading.
struct Block {
    range: Range<usize>,
    level: Option<u8>,
}

/// The blocks of a text: headings are lines of their own, paragraphs end at blank lines.
fn blocks(text: &str, headings: &[Heading], window: Range<usize>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut at = window.start;
    let mut open = false;
    for line in text.get(window).unwrap_or_default().split_inclusive('\n') {
        let range = at..at + line.trim_end().len();
        at += line.len();
        let level = headings.binary_search_by_key(&range.start, |heading| heading.offset).ok();
        let level = level.and_then(|place| headings.get(place)).map(|heading| heading.level);
        match blocks.last_mut() {
            _ if range.is_empty() => open = false,
            Some(last) if open && level.is_none() => last.range.end = range.end,
            _ => {
                blocks.push(Block { range, level });
                open = level.is_none();
            }
        }
    }
    blocks
}

/// Words to mark, in order; what cannot be read is left out.
fn marks(text: &str) -> Vec<Range<usize>> {
    let mut marks: Vec<Range<usize>> = text
        .split(',')
        .filter_map(|mark| mark.split_once('-'))
        .filter_map(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?))
        .take(64)
        .collect();
    marks.sort_by_key(|mark| mark.start);
    marks
}

/// A block with what is marked in it. The passage's part of it stands out where it is not the whole block; `opens` says that the passage
/// begins in it.
fn inline(text: &str, block: &Range<usize>, passage: &Range<usize>, marks: &[Range<usize>], opens: bool) -> String {
    let own = text.get(block.clone()).unwrap_or_default();
    let shift = |range: &Range<usize>| {
        let (start, end) = (range.start.max(block.start), range.end.min(block.end));
        (start < end).then(|| start - block.start..end - block.start)
    };
    let words: Vec<Range<usize>> = marks.iter().filter_map(shift).collect();
    let attributes = if opens { "id=\"passage\" tabindex=\"-1\" class=\"sentence\"" } else { "class=\"sentence\"" };
    let part = shift(passage).filter(|part| *part != (0..own.len())).map(|range| Stretch { range, attributes });
    marked(&joined(own), &words, part.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(from: usize, to: usize) -> View {
        View { id: "a".to_owned(), from, to, marks: String::new(), back: String::new(), at: None }
    }

    #[test]
    fn the_passage_is_where_the_page_opens() {
        let mut document = Document::new("a", "Title\n\nOne two.\nThree.\n\nFour <five>.");
        document.headings.push(Heading { level: 1, text: "Title".to_owned(), offset: 0 });
        let html = text(&document, &View { marks: "30-34,x,9-2".to_owned(), ..view(24, 36) });
        assert_eq!(
            html,
            "<div class=\"text\"><h2>Title</h2><p>One two.\nThree.</p>\
             <p id=\"passage\" tabindex=\"-1\" class=\"in\">Four &lt;<mark>five</mark>&gt;.</p></div>"
        );
        assert!(!text(&document, &view(0, 0)).contains("id=\"passage\""));
        let inside = text(&document, &view(11, 14));
        assert!(
            inside.contains("<p class=\"in\">One <span id=\"passage\" tabindex=\"-1\" class=\"sentence\">two</span>"),
            "{inside}"
        );
    }

    #[test]
    fn long_texts_are_shown_around_the_passage() {
        let long = Document::new("a", "A line of text.\n".repeat(100_000));
        let at = 800_000;
        let shown = window(&long.text, &view(at, at + 10));
        assert!(
            shown.contains(&at)
                && shown.len() <= WINDOW
                && shown.start.is_multiple_of(16)
                && shown.end.is_multiple_of(16),
            "{shown:?}"
        );
        let html = text(&long, &view(at, at + 10));
        assert!(html.contains("Earlier") && html.contains("Later") && html.contains("id=\"passage\""));
        assert_eq!(window(&long.text, &view(usize::MAX, 0)).end, long.text.len());
        assert_eq!(window("é", &view(0, 0)), 0..2);
    }
}
