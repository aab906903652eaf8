//! `/healthz` and `/readyz`, for whoever restarts servers and sends them traffic. They need no key and say nothing about the database.

use axum::extract::State;
use axum::http::Method;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::refusal::{Code, Refusal};
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::wire::status::HealthAnswer;

const TAG: &str = "Operation";

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::GET, "/healthz", Access::Open)
        .about(TAG, "Whether the server is there", "")
        .answers(Content::json::<HealthAnswer>());
    routes.add(operation, healthz);
    // What text-embeddings-inference calls it.
    routes.add(Operation::page(Method::GET, "/health", Access::Open), healthz);
    let operation = Operation::new(Method::GET, "/readyz", Access::Open)
        .about(
            TAG,
            "Whether the server is ready",
            "503 until the model is loaded, and again when the server is told to stop.",
        )
        .answers(Content::json::<HealthAnswer>())
        .refuses(&[503]);
    routes.add(operation, readyz);
}

async fn healthz() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "ok".to_owned() })
}

async fn readyz(State(app): State<App>) -> Result<Json<HealthAnswer>, Refusal> {
    if app.is_ready() {
        return Ok(Json(HealthAnswer { status: "ready".to_owned() }));
    }
    if app.is_stopping() {
        return Err(Refusal::shutting_down());
    }
    Err(Refusal { retry_after: Some(1), ..Refusal::new(Code::Unavailable, "the model is being loaded") })
}
