//! What was found: a line of figures, the hits, the way to the next page.

use std::fmt::Write;
use std::ops::Range;

use neodex::search::snippet;
use neodex::{Explain, FusionExplain, Hit, Mode, SearchResults};
use serde_json::Value;

use crate::ui::form::{Form, PER_PAGE};
use crate::ui::html::{Escaped, encoded};
use crate::ui::marks::{Stretch, marked};
use crate::ui::prose::joined;
use crate::ui::title;

/// Characters of a passage.
const PASSAGE: usize = 420;
/// Metadata fields under a hit.
const FIELDS: usize = 5;
/// Characters of a value.
const VALUE: usize = 60;
/// Marked words whose places go into a link.
const MARKS: usize = 24;
/// Hits that pages lead to.
const REACH: usize = 1_000;

/// The results of a search.
pub(crate) fn shown(form: &Form, found: &SearchResults) -> String {
    let mut page = String::new();
    for note in &found.notes {
        let _ = write!(page, "<p class=\"note\">{}</p>", Escaped(note));
    }
    if found.hits.is_empty() {
        page.push_str(&nothing(form, found));
        return page;
    }
    let first = (form.page - 1) * PER_PAGE + 1;
    let total = match found.mode {
        Mode::Lexical => format!("of {} documents", grouped(found.total)),
        // By meaning everything is more or less near: only the words can be counted.
        Mode::Hybrid => format!("words found in {}", grouped(found.total)),
        Mode::Dense => format!("of {} nearest", grouped(found.total)),
    };
    let _ = write!(
        page,
        "<div class=\"figures\"><span>{first}–{} · {total} · {:.0} ms</span>{}</div>",
        first + found.hits.len() - 1,
        found.took_ms.max(1.0),
        found.explain.as_ref().map_or_else(String::new, weighed)
    );
    page.push_str("<ol class=\"hits\">");
    found.hits.iter().for_each(|hit| page.push_str(&article(form, hit)));
    page.push_str("</ol>");
    page.push_str(&pages(form, found));
    page
}

fn nothing(form: &Form, found: &SearchResults) -> String {
    if form.page > 1 {
        return format!(
            "<p class=\"nothing\">That is all. <a href=\"{}\">Back to the first page</a></p>",
            Escaped(&form.on_page(1).address())
        );
    }
    let mut advice = String::new();
    if !form.chosen.is_empty() || !form.filter.trim().is_empty() {
        let free = Form { chosen: Vec::new(), filter: String::new(), ..form.clone() };
        let _ = write!(advice, " <a href=\"{}\">Search without the filter</a>", Escaped(&free.address()));
    } else if found.mode == Mode::Lexical {
        advice.push_str(" Try other words.");
    }
    format!("<p class=\"nothing\">Nothing was found.{advice}</p>")
}

fn article(form: &Form, hit: &Hit) -> String {
    let id = hit.document_id.as_str();
    let snippet = snippet::cut(&hit.text, &hit.highlights, hit.sentence.clone(), PASSAGE);
    let text = hit.text.get(snippet.range.clone()).unwrap_or_default();
    let (before, after) =
        (if snippet.truncated_start { "… " } else { "" }, if snippet.truncated_end { " …" } else { "" });
    let mut where_from = Escaped(id).to_string();
    if !hit.headings.is_empty() {
        let _ = write!(where_from, " <span class=\"headings\">{}</span>", Escaped(&hit.headings.replace(" > ", " › ")));
    }
    format!(
        "<li class=\"hit\"><article><h2><a href=\"{}\">{}</a></h2><p class=\"where\">{where_from}</p>\
         <p class=\"passage\">{before}{}{after}</p><div class=\"under\">{}{}</div></article></li>",
        Escaped(&link(form, hit)),
        Escaped(title::shown(&hit.title, id)),
        marked(&joined(text), &snippet.highlights, snippet.sentence.map(Stretch::sentence).as_ref()),
        metadata(hit),
        hit.explain.as_ref().map_or_else(String::new, |explain| why(explain, hit.score))
    )
}

/// To the document, open at the passage, with its words marked.
fn link(form: &Form, hit: &Hit) -> String {
    let start = hit.span.start;
    let place = |word: &Range<usize>| format!("{}-{}", start + word.start, start + word.end);
    let marks: Vec<String> = hit.highlights.iter().take(MARKS).map(place).collect();
    format!(
        "/document?id={}&from={}&to={}&marks={}&back={}#passage",
        encoded(hit.document_id.as_str()),
        start,
        hit.span.end,
        marks.join(","),
        encoded(&form.address())
    )
}

fn metadata(hit: &Hit) -> String {
    let mut fields = String::new();
    let plain = hit.metadata.iter().filter_map(|(name, value)| Some((name, flat(value)?)));
    for (name, value) in plain.take(FIELDS) {
        let _ = write!(fields, "<span><b>{}</b> {}</span>", Escaped(name), Escaped(&value));
    }
    if fields.is_empty() { fields } else { format!("<p class=\"fields\">{fields}</p>") }
}

/// A value on one short line; nothing for what has none.
pub(crate) fn flat(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Object(_) => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(flat).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let short: String = text.chars().take(VALUE).collect();
    Some(if short.len() < text.len() { format!("{}…", short.trim_end()) } else { short })
}

/// Where each side of the search had a hit.
fn why(explain: &Explain, score: f32) -> String {
    let side = |name: &str, leg: Option<neodex::LegScore>, unit: &str| match leg {
        Some(leg) => format!("<tr><th>{name}</th><td>place {}</td><td>{unit} {:.3}</td></tr>", leg.rank, leg.score),
        None => format!("<tr><th>{name}</th><td colspan=\"2\">not among the first</td></tr>"),
    };
    format!(
        "<details class=\"why\"><summary>Why</summary><table>{}{}<tr><th>Together</th><td></td><td>score {score:.3}</td></tr></table></details>",
        side("By meaning", explain.dense, "similarity"),
        side("By words", explain.lexical, "BM25")
    )
}

/// How the sides were weighed.
fn weighed(explain: &FusionExplain) -> String {
    let sum = (explain.dense_weight + explain.lexical_weight).max(f32::EPSILON);
    let meaning = (explain.dense_weight / sum * 100.0).round();
    let evidence = &explain.evidence;
    format!(
        "<details class=\"weighed\"><summary>meaning {meaning:.0} %, words {:.0} %</summary><table>\
         <tr><th>Words of the query that the best document covers</th><td>{:.0} %</td></tr>\
         <tr><th>How clearly the best by meaning stands out</th><td>{:.1} σ</td></tr>\
         <tr><th>How clearly the best by words stands out</th><td>{:.1} σ</td></tr>\
         <tr><th>Part of the query the model cannot read</th><td>{:.0} %</td></tr></table></details>",
        100.0 - meaning,
        evidence.coverage * 100.0,
        evidence.dense_peak,
        evidence.lexical_peak,
        evidence.unknown * 100.0
    )
}

fn pages(form: &Form, found: &SearchResults) -> String {
    let full = found.hits.len() == PER_PAGE && form.page * PER_PAGE < REACH;
    let more = full && (found.mode == Mode::Hybrid || found.total > (form.page * PER_PAGE) as u64);
    let link = |page: usize, rel: &str, label: &str| {
        format!("<a rel=\"{rel}\" href=\"{}\">{label}</a>", Escaped(&form.on_page(page).address()))
    };
    let before = if form.page > 1 { link(form.page - 1, "prev", "← Back") } else { String::new() };
    let after = if more { link(form.page + 1, "next", "More →") } else { String::new() };
    if before.is_empty() && after.is_empty() {
        return String::new();
    }
    format!("<nav class=\"pages\" aria-label=\"Pages\">{before}<span>Page {}</span>{after}</nav>", form.page)
}

/// A number with thin spaces between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202F}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_short_and_flat() {
        assert_eq!(flat(&json!("a")).as_deref(), Some("a"));
        assert_eq!(flat(&json!(["a", 1, null])).as_deref(), Some("a, 1"));
        assert_eq!(flat(&json!({"a": 1})), None);
        assert_eq!(flat(&json!("  ")), None);
        assert_eq!(flat(&json!("é".repeat(100))).map(|text| text.chars().count()), Some(VALUE + 1));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_000), grouped(1_234_567)].join("|").replace('\u{202F}', " "),
            "0|999|1 000|1 234 567"
        );
    }
}
