//! Signing in to the page where the server has keys.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use crate::auth::session::Sessions;
use crate::body::json::media_type;
use crate::body::read;
use crate::refusal::Refusal;
use crate::state::App;
use crate::ui::html::{Escaped, frame};

/// The longest form that is read, in bytes.
const LONGEST: usize = 8 << 10;

/// Asks for a key, and comes back to `uri` afterwards.
pub(crate) fn ask(uri: &Uri, wrong: bool) -> Response {
    let next = uri.path_and_query().map_or("/", |path| path.as_str());
    asked(next, wrong)
}

fn asked(next: &str, wrong: bool) -> Response {
    let told = if wrong { "<p class=\"trouble\" role=\"alert\">That is no key of this server.</p>" } else { "" };
    let body = format!(
        "<main class=\"login\"><h1>neodex</h1>{told}<form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"next\" value=\"{}\"><label>Key <input name=\"key\" type=\"password\" \
         autocomplete=\"current-password\" required autofocus></label><button type=\"submit\">Sign in</button></form></main>",
        Escaped(next)
    );
    (StatusCode::UNAUTHORIZED, Html(frame("Sign in · neodex", "login-page", &body))).into_response()
}

/// `GET /login`.
pub(crate) async fn show() -> Response {
    let mut response = asked("/", false);
    *response.status_mut() = StatusCode::OK;
    response
}

/// `POST /login`: a key for a cookie.
pub(crate) async fn submit(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    if media_type(request.headers()).as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(crate::body::json::unsupported("application/x-www-form-urlencoded"));
    }
    let limits = crate::config::Limits { body_bytes: LONGEST, ..app.config.limits.clone() };
    let bytes = read::whole(request.into_body(), &limits).await?;
    let (mut key, mut next) = (String::new(), String::new());
    for (name, value) in pairs(&bytes) {
        match name.as_str() {
            "key" => key = value,
            "next" => next = value,
            _ => {}
        }
    }
    let next = if is_local(&next) { next.as_str() } else { "/" };
    if app.keys.are_set() && app.keys.role_of(key.trim().as_bytes()).is_none() {
        return Ok(asked(next, true));
    }
    Ok(to(next, &app.sessions.open(app.config.tls.is_some())))
}

/// `POST /logout`.
pub(crate) async fn leave(State(app): State<App>) -> Response {
    to("/login", &Sessions::close(app.config.tls.is_some()))
}

fn to(next: &str, cookie: &str) -> Response {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, value(next));
    headers.insert(header::SET_COOKIE, value(cookie));
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// A path of this server: browsers read `//x` and `/\x` as another one.
fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|b| b.is_ascii_graphic())
}

/// The fields of a form.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let form = format!("/?{}", String::from_utf8_lossy(bytes));
    let uri: Result<Uri, _> = form.parse();
    uri.ok()
        .and_then(|uri| axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok())
        .map_or_else(Vec::new, |query| query.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_only_sent_back_to_this_server() {
        assert!(is_local("/?q=a&page=2"));
        for path in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nb"] {
            assert!(!is_local(path), "{path:?}");
        }
    }

    #[test]
    fn forms_are_read() {
        assert_eq!(pairs(b"key=a%2Bb&next=%2F")[0], ("key".to_owned(), "a+b".to_owned()));
        assert!(pairs(b"\xff\x00").len() <= 1);
    }
}
