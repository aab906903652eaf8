//! The query string, refused as everything else is.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;
use crate::state::App;

/// The parameters of a query string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let axum::extract::Query(value) = axum::extract::Query::<T>::from_request_parts(parts, app)
            .await
            .map_err(|error| Refusal::argument("query", error.body_text()))?;
        Ok(Self(value))
    }
}
