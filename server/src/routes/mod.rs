//! The routes, in one table: each has a handler, the role it asks for, and what the OpenAPI document says of it. Router and document are
//! made from the same entries, so neither can forget one.

mod documents;
mod embeddings;
mod health;
mod models;
mod openapi;
mod operation;
mod rerank;
mod search;
mod snapshots;
mod stats;
mod tei;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, on};

use crate::auth::access::guard;
use crate::middleware::observe::remember_route;
use crate::state::App;
use crate::ui;

pub(crate) use operation::{Content, Operation, Parameter};

/// The table while it is put together.
pub(crate) struct Routes {
    router: Router<App>,
    operations: Vec<Operation>,
    app: App,
}

impl Routes {
    /// Adds a route. `{*id}` in an axum path is `{id}` in the document.
    pub(crate) fn add<H, T>(&mut self, operation: Operation, handler: H)
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
        let method = on(filter, handler).route_layer(from_fn_with_state((self.app.clone(), operation.access), guard));
        self.router = std::mem::take(&mut self.router).route(operation.path, method);
        if !operation.hidden {
            self.operations.push(operation);
        }
    }
}

/// The router of a server.
pub(crate) fn router(app: &App) -> Router<App> {
    let mut routes = Routes { router: Router::new(), operations: Vec::new(), app: app.clone() };
    documents::add(&mut routes);
    search::add(&mut routes);
    embeddings::add(&mut routes);
    models::add(&mut routes);
    rerank::add(&mut routes);
    tei::add(&mut routes);
    stats::add(&mut routes);
    snapshots::add(&mut routes);
    health::add(&mut routes);
    openapi::add(&mut routes);
    ui::add(&mut routes);
    // Bodies are bounded where they are read, by what is left of them once unpacked.
    let router = routes.router.layer(DefaultBodyLimit::disable()).layer(from_fn(remember_route));
    let document = crate::openapi::document(&routes.operations);
    // Nobody else can have set it: the router is made once.
    let _ = app.openapi.set(document);
    router
}
