//! The check in front of every route: which role it needs, and whether the request has it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::keys::{Role, presented};
use crate::refusal::{Code, Refusal};
use crate::state::App;

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// A key that may read.
    Read,
    /// A key that may do everything; refused by a server that only reads.
    Write,
    /// A key that may do everything.
    Admin,
    /// As `Read`, or the page's cookie.
    Page,
}

/// Lets a request through or refuses it.
pub(crate) async fn guard(State((app, access)): State<(App, Access)>, request: Request, next: Next) -> Response {
    match check(&app, access, &request) {
        Ok(()) => next.run(request).await,
        Err(Refusal { code: Code::Unauthorized, .. }) if access == Access::Page => {
            crate::ui::login::ask(request.uri(), false).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn check(app: &App, access: Access, request: &Request) -> Result<(), Refusal> {
    let role = role(app, access, request)?;
    match access {
        Access::Write | Access::Admin if role < Role::Admin => {
            Err(Refusal::new(Code::Forbidden, "this key may only read; this needs the server's --api-key"))
        }
        Access::Write if app.config.read_only => {
            Err(Refusal::new(Code::ReadOnly, "this server was started with --read-only and takes no writes"))
        }
        _ => Ok(()),
    }
}

fn role(app: &App, access: Access, request: &Request) -> Result<Role, Refusal> {
    if access == Access::Open || !app.keys.are_set() {
        return Ok(Role::Admin);
    }
    let unauthorized = |message| Refusal::new(Code::Unauthorized, message);
    match presented(request.headers()) {
        Some(key) => app.keys.role_of(key).ok_or_else(|| unauthorized("this is no key of this server")),
        None if access == Access::Page && app.sessions.is_open(request.headers()) => Ok(Role::Search),
        None => Err(unauthorized("this server wants a key, in the header `Authorization: Bearer KEY`")),
    }
}
