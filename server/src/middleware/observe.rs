//! Around every request: its id, its line in the log, its place in the metrics. Keys and query strings are never written.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::listen::Peer;
use crate::middleware::request_id::{REQUEST_ID, RequestId};
use crate::state::App;

/// Counts up while it lives.
struct InFlight<'a>(&'a AtomicI64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See the module.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
    request.extensions_mut().insert(id.clone());
    app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let in_flight = InFlight(&app.metrics.in_flight);

    let span = tracing::info_span!("request", id = %id.0);
    let mut response = next.run(request).instrument(span.clone()).await;

    drop(in_flight);
    let took = started.elapsed();
    let status = response.status().as_u16();
    // Set by `remember_route`, which runs inside the router.
    let route = response.extensions().get::<Route>().map_or_else(|| "none".to_owned(), |route| route.0.clone());
    let quiet = route == "/healthz" || route == "/readyz" || route == "/metrics";
    app.metrics.request((method.clone(), route, status), took);
    let took_ms = took.as_secs_f64() * 1e3;
    span.in_scope(|| match status {
        500.. => tracing::error!(%method, %path, status, took_ms, %peer, "answered"),
        _ if quiet => tracing::debug!(%method, %path, status, took_ms, %peer, "answered"),
        _ => tracing::info!(%method, %path, status, took_ms, %peer, "answered"),
    });
    if let Some(value) = id.header() {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The pattern of the route that answered.
#[derive(Debug, Clone)]
struct Route(String);

/// Writes the route's pattern onto the answer, for [`observe`], which is outside of the router.
pub(crate) async fn remember_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| Route(path.as_str().to_owned()));
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}
