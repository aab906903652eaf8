//! JSON in and out. A body that is no JSON is 400, one that is JSON of another shape 422 with the place, anything else 415.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::read;
use crate::refusal::{Code, Refusal};
use crate::state::App;

/// A value as JSON: extracted from a request, or made into an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], bytes).into_response()
            }
            Err(error) => Refusal::internal(error).into_response(),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(unsupported("application/json"));
        }
        let bytes = read::whole(request.into_body(), &app.config.limits).await?;
        // A list would be read as the fields of a struct in their order, which nobody means.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            parse::<serde::de::IgnoredAny>(&bytes)?;
            return Err(Refusal::new(Code::InvalidRequest, "the body must be a JSON object"));
        }
        parse(&bytes).map(Json)
    }
}

/// Any JSON that a request brings, objects or not.
///
/// # Errors
/// As for [`Json`].
pub(crate) async fn any(request: Request, app: &App) -> Result<serde_json::Value, Refusal> {
    parse(&read::whole(request.into_body(), &app.config.limits).await?)
}

/// A value from its JSON.
///
/// # Errors
/// 400 when it is no JSON, 422 when it is of another shape.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let refusal = refused(error.inner());
        if path == "." { refusal } else { refusal.field(path) }
    })?;
    reader.end().map_err(|error| refused(&error))?;
    Ok(value)
}

fn refused(error: &serde_json::Error) -> Refusal {
    match error.classify() {
        serde_json::error::Category::Data => Refusal::new(Code::InvalidRequest, error.to_string()),
        _ => Refusal::new(Code::InvalidJson, format!("the body is not JSON: {error}")),
    }
}

/// What a body says it is, without parameters and in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The body is of a kind that is not taken here.
pub(crate) fn unsupported(wanted: &str) -> Refusal {
    Refusal::new(Code::UnsupportedMediaType, format!("the body must come with `Content-Type: {wanted}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Shape {
        #[expect(dead_code, reason = "only its absence matters")]
        name: String,
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let refused = |text: &str| parse::<Shape>(text.as_bytes()).unwrap_err();
        assert_eq!(refused("{").code, Code::InvalidJson);
        assert_eq!(refused("{\"name\":\"a\"} x").code, Code::InvalidJson);
        assert_eq!(refused("").code, Code::InvalidJson);
        let wrong = refused("{\"name\":1}");
        assert_eq!((wrong.code, wrong.field.as_deref()), (Code::InvalidRequest, Some("name")));
        assert_eq!(refused("{}").code, Code::InvalidRequest);
    }
}
