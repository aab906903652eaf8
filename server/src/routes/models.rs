//! `GET /v1/models`, which OpenAI's clients ask before anything else.

use axum::extract::State;
use axum::http::Method;

use crate::auth::access::Access;
use crate::body::json::Json;
use crate::routes::{Content, Operation, Routes};
use crate::state::App;
use crate::wire::embedding::{ModelEntry, ModelsAnswer};

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::GET, "/v1/models", Access::Read)
        .about("Models", "List models (OpenAI)", "The database's own model, or none.")
        .answers(Content::json::<ModelsAnswer>());
    routes.add(operation, list);
}

async fn list(State(app): State<App>) -> Json<ModelsAnswer> {
    let entry = |name: &str| ModelEntry { id: name.to_owned(), object: "model", created: 0, owned_by: "neodex" };
    let data = app.meaning.iter().map(|meaning| entry(meaning.name())).collect();
    Json(ModelsAnswer { object: "list", data })
}
