//! What a client hears instead of an answer: `{"error":{"code","message","field"?}}` with a status that says whose fault it is.
//!
//! The library says whose fault an error is ([`neodex::Error::kind`]); this file only chooses the number. What went wrong inside is logged
//! and not told, except where a person can do something about it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use neodex::ErrorKind;

use crate::body::json::Json;
use crate::wire::error::{ErrorBody, ErrorDetail};

/// The codes of refusals. Programs may match on them; the messages are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidJson,
    InvalidRequest,
    InvalidArgument,
    InvalidFilter,
    InvalidDocument,
    Unauthorized,
    Forbidden,
    ReadOnly,
    WrongHost,
    NotFound,
    DocumentNotFound,
    MethodNotAllowed,
    Timeout,
    NoModel,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    Overloaded,
    Internal,
    Unavailable,
    ShuttingDown,
}

impl Code {
    /// The word for it, and the status it comes with.
    pub(crate) fn parts(self) -> (&'static str, StatusCode) {
        match self {
            Code::InvalidJson => ("invalid_json", StatusCode::BAD_REQUEST),
            Code::InvalidRequest => ("invalid_request", StatusCode::UNPROCESSABLE_ENTITY),
            Code::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
            Code::InvalidFilter => ("invalid_filter", StatusCode::BAD_REQUEST),
            Code::InvalidDocument => ("invalid_document", StatusCode::UNPROCESSABLE_ENTITY),
            Code::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Code::Forbidden => ("forbidden", StatusCode::FORBIDDEN),
            Code::ReadOnly => ("read_only", StatusCode::FORBIDDEN),
            Code::WrongHost => ("wrong_host", StatusCode::MISDIRECTED_REQUEST),
            Code::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Code::DocumentNotFound => ("document_not_found", StatusCode::NOT_FOUND),
            Code::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Code::Timeout => ("timeout", StatusCode::REQUEST_TIMEOUT),
            Code::NoModel => ("no_model", StatusCode::CONFLICT),
            Code::Conflict => ("conflict", StatusCode::CONFLICT),
            Code::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Code::UnsupportedMediaType => ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Code::Overloaded => ("overloaded", StatusCode::TOO_MANY_REQUESTS),
            Code::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
            Code::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Code::ShuttingDown => ("shutting_down", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The part of the request it is about.
    pub(crate) field: Option<String>,
    /// Seconds after which trying again makes sense.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None }
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// An argument outside of what is possible.
    pub(crate) fn argument(field: &str, reason: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, reason).field(field)
    }

    /// Too much is under way.
    pub(crate) fn overloaded(what: &str, retry_after: u64) -> Self {
        let message = format!("{what}; try again in {retry_after} s");
        Self { retry_after: Some(retry_after), ..Self::new(Code::Overloaded, message) }
    }

    /// The server is on its way out.
    pub(crate) fn shutting_down() -> Self {
        let message = "the server is shutting down; what was acknowledged is kept, send the rest again later";
        Self { retry_after: Some(5), ..Self::new(Code::ShuttingDown, message) }
    }

    /// Something that is nobody's fault outside; the log has the details.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!(error = %what, "internal error");
        Self::new(Code::Internal, "something went wrong inside; the server's log says more under this request's id")
    }

    /// As it is written.
    pub(crate) fn body(&self) -> ErrorBody {
        let (code, _) = self.code.parts();
        let error = ErrorDetail { code: code.to_owned(), message: self.message.clone(), field: self.field.clone() };
        ErrorBody { error }
    }
}

impl From<neodex::Error> for Refusal {
    fn from(error: neodex::Error) -> Self {
        use neodex::Error;
        let message = error.to_string();
        match &error {
            Error::Query(_) => Self::new(Code::InvalidFilter, message).field("filter"),
            Error::NoEmbedder => Self::new(
                Code::NoModel,
                "this database was opened without a model, so it can only search by words (mode \"lexical\")",
            ),
            Error::Argument { field, reason } if *field == "document" => {
                Self::new(Code::InvalidDocument, reason.clone())
            }
            Error::Argument { field, reason } => Self::argument(field, reason.clone()),
            Error::Document(_) => Self::new(Code::InvalidDocument, message),
            _ => match error.kind() {
                ErrorKind::Input => Self::new(Code::InvalidArgument, message),
                ErrorKind::NotFound => Self::new(Code::NotFound, message),
                ErrorKind::Cancelled => Self::shutting_down(),
                // A full disk, a store that refuses to go on after a failed write: somebody has to look, and reads may still work.
                ErrorKind::System if matches!(error, Error::Storage(_) | Error::IndexingStopped { .. }) => {
                    tracing::error!(error = %message, "the store refused");
                    Self::new(Code::Unavailable, message)
                }
                _ => Self::internal(message),
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (_, status) = self.code.parts();
        let mut response = (status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
