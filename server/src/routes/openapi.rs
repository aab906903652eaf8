//! `/openapi.json` and `/docs`: what the server can be asked, for programs and for people.

use axum::extract::State;
use axum::http::Method;
use axum::response::{Html, IntoResponse};

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::openapi::html;
use crate::routes::{Operation, Routes};
use crate::state::App;

pub(super) fn add(routes: &mut Routes) {
    routes.add(Operation::page(Method::GET, "/openapi.json", Access::Open), document);
    routes.add(Operation::page(Method::GET, "/docs", Access::Open), docs);
}

async fn document(State(app): State<App>) -> impl IntoResponse {
    Json(app.openapi.get().cloned())
}

async fn docs(State(app): State<App>) -> impl IntoResponse {
    Html(app.openapi.get().map(html::page).unwrap_or_default())
}
