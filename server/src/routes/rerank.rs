//! `POST /v1/rerank`, in Cohere's and Jina's shape: texts in order of how near they are to a query.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::embed::Role;
use crate::middleware::request_id::RequestId;
use crate::refusal::Refusal;
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::vector::dot;
use crate::wire::embedding::Usage;
use crate::wire::rerank::{RerankAnswer, RerankDocument, RerankRequest, RerankResult, RerankText};

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/v1/rerank", Access::Read)
        .about(
            "Models",
            "Put texts in order (Cohere, Jina)",
            "Scored by the database's own model, a bi-encoder: query and texts are read apart from each other and their vectors compared.",
        )
        .takes(Content::json::<RerankRequest>().example(
            r#"{"query": "close vectors", "documents": ["near neighbours", "apple pie"], "top_n": 1}"#,
        ))
        .answers(Content::json::<RerankAnswer>())
        .refuses(&[400, 409, 413, 415, 422, 429]);
    routes.add(operation, run);
}

async fn run(
    State(app): State<App>,
    Extension(RequestId(id)): Extension<RequestId>,
    Json(request): Json<RerankRequest>,
) -> Result<Json<RerankAnswer>, Refusal> {
    if request.top_n == Some(0) {
        return Err(Refusal::argument("top_n", "at least one text has to be kept"));
    }
    let plain = |text: RerankText| match text {
        RerankText::Plain(text) | RerankText::Object { text } => text,
    };
    let texts: Vec<String> = request.documents.into_iter().map(plain).collect();
    let kept = request.return_documents.unwrap_or(false).then(|| texts.clone());
    let (ranked, tokens) = rank(&app, "documents", &request.query, texts).await?;
    let results = ranked.into_iter().take(request.top_n.unwrap_or(usize::MAX)).map(|(index, cosine)| RerankResult {
        index,
        relevance_score: stretched(cosine),
        document: kept.as_ref().and_then(|texts| texts.get(index)).map(|text| RerankDocument { text: text.clone() }),
    });
    let model = app.meaning()?.name().to_owned();
    let usage = Usage { prompt_tokens: tokens, total_tokens: tokens };
    Ok(Json(RerankAnswer { id, model, results: results.collect(), usage }))
}

/// Places of texts and their cosines with the query, best first, and tokens read.
pub(super) async fn rank(
    app: &App,
    field: &str,
    query: &str,
    texts: Vec<String>,
) -> Result<(Vec<(usize, f32)>, usize), Refusal> {
    if query.trim().is_empty() {
        return Err(Refusal::argument("query", "there is nothing to look for"));
    }
    if query.len() > app.config.limits.query_bytes {
        return Err(Refusal::argument("query", format!("at most {} bytes are taken", app.config.limits.query_bytes)));
    }
    if texts.is_empty() {
        return Err(Refusal::argument(field, "there is no text"));
    }
    let meaning = app.meaning()?;
    let query = meaning.query(query).await?;
    let embedded = meaning.embed(Role::Document, texts).await?;
    let cosines = embedded.vectors.iter().map(|vector| dot(&query, vector));
    let mut ranked: Vec<(usize, f32)> = cosines.enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok((ranked, embedded.tokens))
}

/// A cosine from -1..1 onto 0..1.
pub(super) fn stretched(cosine: f32) -> f32 {
    f32::midpoint(cosine, 1.0).clamp(0.0, 1.0)
}
