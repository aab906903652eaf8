//! `GET /v1/stats` and `/metrics`: figures for people and for Prometheus.

use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use neodex::Stats;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::metrics::{Sizes, render};
use crate::refusal::Refusal;
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::wire::status::StatsAnswer;

const TAG: &str = "Operation";

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::GET, "/v1/stats", Access::Read)
        .about(TAG, "Figures of the database", "Documents, passages, vectors, bytes by part, the model.")
        .answers(Content::json::<StatsAnswer>())
        .refuses(&[429]);
    routes.add(operation, stats);
    let operation = Operation::new(Method::GET, "/metrics", Access::Read)
        .about(
            TAG,
            "Figures for Prometheus",
            "Requests, latencies, queues, tokens, batch fill, sizes. Wants a key where keys are set.",
        )
        .answers(Content::of::<String>("text/plain"))
        .refuses(&[429]);
    routes.add(operation, metrics);
}

async fn figures(app: &App) -> Result<Stats, Refusal> {
    let db = app.db.clone();
    Ok(app.work.run(move || db.stats()).await??)
}

async fn stats(State(app): State<App>) -> Result<Json<Stats>, Refusal> {
    figures(&app).await.map(Json)
}

async fn metrics(State(app): State<App>) -> Result<Response, Refusal> {
    let sizes = Sizes {
        stats: figures(&app).await?,
        waiting_requests: app.work.waiting(),
        queued_tokens: app.meaning.as_ref().map_or(0, crate::embed::Meaning::queued_tokens),
        running_ingests: app.config.limits.ingests.saturating_sub(app.ingests.available_permits()),
        ready: app.is_ready(),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], render(&app.metrics, &sizes)).into_response())
}
