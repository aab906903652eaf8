//! `POST /v1/search`.

use axum::extract::State;
use axum::http::Method;
use neodex::SearchResults;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::refusal::Refusal;
use crate::routes::{Content, Operation, Routes};
use crate::search;
use crate::state::App;
use crate::wire::search::{SearchAnswer, SearchRequest};

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/v1/search", Access::Read)
        .about(
            "Search",
            "Find passages",
            "By words and by meaning together, or by one of both. With an empty query and a filter it lists what passes. `total` is the same \
             on every page; spans and highlights are byte offsets of UTF-8.",
        )
        .takes(Content::json::<SearchRequest>().example(
            r#"{"query": "how are keys rotated", "limit": 5, "filter": "year >= 2020", "facets": ["lang"], "explain": true}"#,
        ))
        .answers(Content::json::<SearchAnswer>())
        .refuses(&[400, 409, 413, 415, 422, 429]);
    routes.add(operation, run);
}

async fn run(State(app): State<App>, Json(request): Json<SearchRequest>) -> Result<Json<SearchResults>, Refusal> {
    search::run(&app, request).await.map(Json)
}
