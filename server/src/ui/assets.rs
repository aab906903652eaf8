//! Style, script and icon, in the binary. Their addresses carry a hash of what they are, so browsers may keep them for ever.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
/// A loupe, small enough to stand in the page.
pub(crate) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
%3Ccircle cx='6.5' cy='6.5' r='4.5' fill='none' stroke='%232f6fde' stroke-width='2'/%3E\
%3Cpath d='M10 10l4.5 4.5' stroke='%232f6fde' stroke-width='2.4' stroke-linecap='round'/%3E%3C/svg%3E";

/// Where the style is.
pub(crate) static STYLE_URL: LazyLock<String> = LazyLock::new(|| versioned("/assets/page.css", STYLE));
/// Where the script is.
pub(crate) static SCRIPT_URL: LazyLock<String> = LazyLock::new(|| versioned("/assets/page.js", SCRIPT));

fn versioned(path: &str, content: &str) -> String {
    let hash = blake3::hash(content.as_bytes()).to_hex();
    format!("{path}?v={}", hash.get(..12).unwrap_or_default())
}

pub(crate) async fn style() -> Response {
    kept("text/css; charset=utf-8", STYLE)
}

pub(crate) async fn script() -> Response {
    kept("text/javascript; charset=utf-8", SCRIPT)
}

/// The page names its icon itself; this is for browsers that ask anyway.
pub(crate) async fn icon() -> Response {
    axum::http::StatusCode::NO_CONTENT.into_response()
}

fn kept(kind: &'static str, content: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, content).into_response()
}
