//! `/v1/documents`: storing, reading and deleting documents.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use neodex::document::MAX_ID_BYTES;
use neodex::{Document, DocumentId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::access::Access;
use crate::body::json::{Json, any, media_type, unsupported};
use crate::body::query::Query;
use crate::ingest::{batch, stream};
use crate::refusal::{Code, Refusal};
use crate::routes::{Content, Operation, Parameter, Routes};
use crate::state::App;
use crate::wire::document::{
    DeleteAnswer, DeleteRequest, DocumentBody, DocumentOutcome, DocumentsAnswer, DocumentsBody, ID_PATTERN, Status,
};
use crate::work;

const TAG: &str = "Documents";
const NDJSON: &str = "application/x-ndjson";
const WAIT: &str = "Answer once searches find the documents (default), or as soon as they are durable.";

/// An id as it stands in a path or a query.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct IdText(#[schemars(length(min = 1, max = MAX_ID_BYTES), regex(pattern = ID_PATTERN))] String);

pub(super) fn add(routes: &mut Routes) {
    let operation = Operation::new(Method::POST, "/v1/documents", Access::Write)
        .about(
            TAG,
            "Store documents",
            "One document, an array, or a stream of JSON Lines. A document replaces the one with the same id; one that is there already, \
             unchanged, is skipped. A stream is answered line by line, in the order in which documents become durable, each answer with the \
             number of its line; if it ends early the last line is an error. One that cannot be stored does not keep the others from it, \
             except when it is the only one: then the request is refused.",
        )
        .parameter(Parameter::query::<bool>("wait", WAIT))
        .takes(Content::json::<DocumentsBody>().example(
            r#"{"id": "hnsw", "title": "HNSW", "text": "A layered graph for nearest-neighbour search.", "metadata": {"year": 2016}}"#,
        ))
        .takes(Content::of::<DocumentBody>(NDJSON))
        .answers(Content::json::<DocumentsAnswer>())
        .answers(Content::of::<DocumentOutcome>(NDJSON))
        .refuses(&[413, 415, 422, 429]);
    routes.add(operation, store);

    let operation = Operation::new(Method::GET, "/v1/documents", Access::Read)
        .about(TAG, "Read a document by a query parameter", "For ids that do not travel well in a path, such as `..`.")
        .parameter(Parameter::query::<IdText>("id", "The document's id.").required())
        .answers(Content::json::<DocumentBody>())
        .refuses(&[400, 404]);
    routes.add(operation, get_by_query);
    let operation = Operation::new(Method::DELETE, "/v1/documents", Access::Write)
        .about(
            TAG,
            "Delete a document by a query parameter",
            "For ids that do not travel well in a path, such as `..`.",
        )
        .parameter(Parameter::query::<IdText>("id", "The document's id.").required())
        .parameter(Parameter::query::<bool>("wait", WAIT))
        .answers(Content::json::<DeleteAnswer>())
        .refuses(&[400, 404]);
    routes.add(operation, delete_by_query);

    let operation = Operation::new(Method::GET, "/v1/documents/{*id}", Access::Read)
        .about(TAG, "Read a document", "Title, text and metadata exactly as they were stored.")
        .parameter(Parameter::path::<IdText>("id", "The document's id; slashes may stand as they are."))
        .answers(Content::json::<DocumentBody>())
        .refuses(&[400, 404]);
    routes.add(operation, get);
    let operation = Operation::new(Method::DELETE, "/v1/documents/{*id}", Access::Write)
        .about(TAG, "Delete a document", "")
        .parameter(Parameter::path::<IdText>("id", "The document's id; slashes may stand as they are."))
        .parameter(Parameter::query::<bool>("wait", WAIT))
        .answers(Content::json::<DeleteAnswer>())
        .refuses(&[400, 404]);
    routes.add(operation, delete);

    let operation = Operation::new(Method::POST, "/v1/documents/delete", Access::Write)
        .about(TAG, "Delete documents", "By their ids, or all that pass a filter: one of both.")
        .parameter(Parameter::query::<bool>("wait", WAIT))
        .takes(Content::json::<DeleteRequest>().example(r#"{"filter": "year < 1990"}"#))
        .answers(Content::json::<DeleteAnswer>())
        .refuses(&[400, 413, 415, 422]);
    routes.add(operation, delete_many);
    // A document may be called `delete`.
    routes.add(Operation::page(Method::GET, "/v1/documents/delete", Access::Read), |state: State<App>| {
        get(state, DocumentPath("delete".to_owned()))
    });
    routes.add(
        Operation::page(Method::DELETE, "/v1/documents/delete", Access::Write),
        |state: State<App>, wait: Query<Wait>| delete(state, DocumentPath("delete".to_owned()), wait),
    );
}

#[derive(Debug, Deserialize)]
struct Wait {
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
struct ById {
    id: String,
    #[serde(default = "yes")]
    wait: bool,
}

/// The id at the end of a path.
struct DocumentPath(String);

impl FromRequestParts<App> for DocumentPath {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, app: &App) -> Result<Self, Refusal> {
        let Path(id) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|error| Refusal::argument("id", format!("the id in the path cannot be read: {error}")))?;
        Ok(Self(id))
    }
}

async fn store(
    State(app): State<App>,
    Query(Wait { wait }): Query<Wait>,
    request: Request,
) -> Result<Response, Refusal> {
    match media_type(request.headers()).as_deref() {
        Some("application/json") => {}
        Some(NDJSON | "application/jsonl" | "application/ndjson") => {
            let body: Body = stream::start(&app, request.into_body(), wait)?;
            let kind = HeaderValue::from_static(NDJSON);
            return Ok(([(header::CONTENT_TYPE, kind)], body).into_response());
        }
        _ => return Err(unsupported("application/json` or `Content-Type: application/x-ndjson")),
    }
    let values = match any(request, &app).await? {
        Value::Array(values) => values,
        one => {
            let answer = batch::store(&app, vec![one], wait).await?;
            return single(answer).map(IntoResponse::into_response);
        }
    };
    Ok(Json(batch::store(&app, values, wait).await?).into_response())
}

/// A document that was sent alone and failed is the request's failure.
fn single(mut answer: DocumentsAnswer) -> Result<Json<DocumentsAnswer>, Refusal> {
    match answer.documents.first_mut() {
        Some(DocumentOutcome { status: Status::Failed, error: Some(error), .. }) => Err(Refusal {
            field: error.field.take(),
            ..Refusal::new(Code::InvalidDocument, std::mem::take(&mut error.message))
        }),
        _ => Ok(Json(answer)),
    }
}

async fn get_by_query(state: State<App>, Query(ById { id, .. }): Query<ById>) -> Result<Json<Document>, Refusal> {
    get(state, DocumentPath(id)).await
}

async fn get(State(app): State<App>, DocumentPath(id): DocumentPath) -> Result<Json<Document>, Refusal> {
    let db = app.db.clone();
    let id = checked(id)?;
    let wanted = id.clone();
    let document = app.work.run(move || db.get(id.as_str())).await??;
    document.map(Json).ok_or_else(|| missing(&wanted))
}

async fn delete_by_query(
    state: State<App>,
    Query(ById { id, wait }): Query<ById>,
) -> Result<Json<DeleteAnswer>, Refusal> {
    delete(state, DocumentPath(id), Query(Wait { wait })).await
}

async fn delete(
    State(app): State<App>,
    DocumentPath(id): DocumentPath,
    Query(Wait { wait }): Query<Wait>,
) -> Result<Json<DeleteAnswer>, Refusal> {
    let id = checked(id)?;
    let answer = remove(&app, wait, DeleteRequest { ids: Some(vec![id.to_string()]), filter: None }).await?;
    if answer.deleted == 0 { Err(missing(&id)) } else { Ok(Json(answer)) }
}

async fn delete_many(
    State(app): State<App>,
    Query(Wait { wait }): Query<Wait>,
    Json(request): Json<DeleteRequest>,
) -> Result<Json<DeleteAnswer>, Refusal> {
    if request.ids.is_some() == request.filter.is_some() {
        return Err(Refusal::new(Code::InvalidRequest, "give either `ids` or `filter`"));
    }
    remove(&app, wait, request).await.map(Json)
}

async fn remove(app: &App, wait: bool, request: DeleteRequest) -> Result<DeleteAnswer, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::shutting_down());
    }
    let db = app.db.clone();
    let deleted = work::detached(move || {
        let mut deleted = 0;
        for id in request.ids.unwrap_or_default() {
            deleted += u64::from(db.delete(&id)?);
        }
        if let Some(filter) = request.filter {
            deleted += db.delete_where(&filter)?;
        }
        if wait {
            db.flush()?;
        }
        Ok::<_, neodex::Error>(deleted)
    })
    .await??;
    app.metrics.deleted.add(deleted);
    Ok(DeleteAnswer { deleted })
}

fn checked(id: String) -> Result<DocumentId, Refusal> {
    DocumentId::new(id).map_err(|error| Refusal::argument("id", error.to_string()))
}

fn missing(id: &DocumentId) -> Refusal {
    Refusal::new(Code::DocumentNotFound, format!("there is no document `{id}`")).field("id")
}
