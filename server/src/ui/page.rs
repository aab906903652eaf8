//! The search page: the box, and under it what was found.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use neodex::{Field, Mode, SearchResults, Stats};

use crate::body::query::Query;
use crate::refusal::Refusal;
use crate::search;
use crate::state::App;
use crate::ui::facets;
use crate::ui::form::Form;
use crate::ui::html::{Escaped, frame};
use crate::ui::results;

/// `GET /`.
pub(crate) async fn show(State(app): State<App>, Query(form): Query<Form>) -> Result<Response, Refusal> {
    let db = app.db.clone();
    let fields = app.work.run(move || db.fields()).await??;
    let found = if form.is_empty() {
        None
    } else {
        let request = form.request(facets::worth_counting(&fields, &form), &fields);
        Some(search::run(&app, request).await)
    };
    let inner = match found {
        None => welcome(&app, &fields).await?,
        Some(Ok(found)) => answered(&form, &found),
        Some(Err(refusal)) => refused(&refusal),
    };
    if form.fragment {
        return Ok(Html(inner).into_response());
    }
    let title = match form.query.trim() {
        "" => "neodex".to_owned(),
        query => format!("{query} · neodex"),
    };
    let class = if form.is_empty() { "search home" } else { "search" };
    let body = format!("{}<div id=\"results\" aria-live=\"polite\">{inner}</div>{}", header(&app, &form), footer(&app));
    Ok(Html(frame(&title, class, &body)).into_response())
}

/// The box. Everything the script does a press of Enter does, too.
fn header(app: &App, form: &Form) -> String {
    let mut modes = String::new();
    let all = [(Mode::Hybrid, "Words and meaning"), (Mode::Lexical, "Words only"), (Mode::Dense, "Meaning only")];
    if app.meaning.is_some() {
        let options: String = all
            .into_iter()
            .map(|(mode, label)| {
                let selected = if mode == form.mode { " selected" } else { "" };
                format!("<option value=\"{}\"{selected}>{label}</option>", mode.name())
            })
            .collect();
        modes = format!("<label><span>Search by</span> <select name=\"mode\">{options}</select></label>");
    }
    let chosen: String = form
        .chosen
        .iter()
        .map(|(field, value)| {
            format!("<input type=\"hidden\" name=\"f.{}\" value=\"{}\">", Escaped(field), Escaped(value))
        })
        .collect();
    let open = if form.filter.trim().is_empty() { "" } else { " open" };
    format!(
        "<header><a class=\"brand\" href=\"/\">neodex</a><form id=\"search\" action=\"/\" role=\"search\">\
         <div class=\"box\"><input id=\"q\" name=\"q\" type=\"search\" value=\"{}\" placeholder=\"Search the documents\" \
         aria-label=\"Search\" autocomplete=\"off\" autocapitalize=\"off\" spellcheck=\"false\" maxlength=\"2000\" autofocus>\
         <kbd class=\"hint\" aria-hidden=\"true\">/</kbd><button type=\"submit\">Search</button></div>\
         <div class=\"chosen\" hidden>{chosen}</div><details class=\"options\"{open}><summary>Options</summary><div>{modes}\
         <label class=\"wide\"><span>Filter</span> <input name=\"filter\" value=\"{}\" placeholder=\"year &gt;= 2020 AND lang = 'en'\" \
         autocomplete=\"off\" spellcheck=\"false\"></label></div></details></form></header>",
        Escaped(&form.query),
        Escaped(&form.filter),
    )
}

fn footer(app: &App) -> String {
    let leave = if app.keys.are_set() {
        "<form method=\"post\" action=\"/logout\"><button class=\"link\">Sign out</button></form>"
    } else {
        ""
    };
    format!(
        "<footer><span class=\"keys\"><kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> move <kbd>Enter</kbd> open <kbd>e</kbd> explain \
         <kbd>Esc</kbd> clear</span><span><a href=\"/docs\">API</a> {leave}</span></footer>"
    )
}

/// What stands there before anybody searched.
async fn welcome(app: &App, fields: &[Field]) -> Result<String, Refusal> {
    let db = app.db.clone();
    let stats = app.work.run(move || db.stats()).await??;
    if stats.documents == 0 {
        return Ok("<section class=\"welcome\"><p>There are no documents yet.</p>\
             <p class=\"quiet\">Put some in with <code>neodex ingest PATH</code> while the server is stopped, or send them to \
             <a href=\"/docs#post_v1_documents\"><code>POST /v1/documents</code></a>.</p></section>"
            .to_owned());
    }
    Ok(format!("<section class=\"welcome\"><p>{}</p>{}</section>", counted(&stats), facets::listed(fields)))
}

fn counted(stats: &Stats) -> String {
    let model = match &stats.model {
        Some(model) => format!(", read by the model {}", Escaped(&model.name)),
        None => ", searched by words".to_owned(),
    };
    let plural = if stats.documents == 1 { "" } else { "s" };
    format!(
        "<b>{}</b> document{plural} in <b>{}</b> passages{model}.",
        results::grouped(stats.documents),
        results::grouped(stats.chunks)
    )
}

fn answered(form: &Form, found: &SearchResults) -> String {
    let facets = facets::shown(form, &found.facets);
    let class = if facets.is_empty() { "found" } else { "found with-facets" };
    format!("<div class=\"{class}\">{facets}<main>{}</main></div>", results::shown(form, found))
}

fn refused(refusal: &Refusal) -> String {
    let field = refusal.field.as_ref().map_or_else(String::new, |field| format!("<b>{}</b>: ", Escaped(field)));
    format!(
        "<div class=\"found\"><main><div class=\"trouble\" role=\"alert\"><pre>{field}{}</pre></div></main></div>",
        Escaped(&refusal.message)
    )
}
