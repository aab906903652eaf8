//! One shape for every refusal. The layers below (routing, unpacking, panics) refuse with bare statuses; programs that read our errors
//! should not have to know which layer it was.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::refusal::{Code, Refusal};

/// Gives bare refusals a body.
pub(crate) async fn uniform(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let has_body = response.headers().contains_key(header::CONTENT_TYPE);
    let refusal = match response.status() {
        _ if has_body && response.status() != StatusCode::INTERNAL_SERVER_ERROR => return response,
        StatusCode::NOT_FOUND => {
            Refusal::new(Code::NotFound, format!("there is no route {path}; GET /docs lists them"))
        }
        StatusCode::METHOD_NOT_ALLOWED => Refusal::new(
            Code::MethodNotAllowed,
            format!("{path} does not answer {method}; GET /docs lists what it does"),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Refusal::new(Code::UnsupportedMediaType, "the body's Content-Encoding is not one of gzip, zstd, identity")
        }
        StatusCode::BAD_REQUEST => Refusal::new(Code::InvalidRequest, "the request cannot be read"),
        StatusCode::INTERNAL_SERVER_ERROR if !is_json(&response) => Refusal::internal("a route panicked"),
        _ => return response,
    };
    let (mut kept, _) = response.into_parts();
    let mut told = refusal.into_response();
    for name in [header::ALLOW, header::ACCEPT_ENCODING] {
        if let Some(value) = kept.headers.remove(&name) {
            told.headers_mut().insert(name, value);
        }
    }
    told.extensions_mut().extend(kept.extensions);
    told
}

fn is_json(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"application/json")
}
