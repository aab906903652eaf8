//! Requests that a web page made its visitor's browser send. A server on 127.0.0.1 can be reached by every page the user opens, so a
//! request has to name this server as its host (a page can point its own name at 127.0.0.1), and a write must not come from another site.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::refusal::{Code, Refusal};
use crate::state::App;

/// Lets a request through or refuses it.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(app: &App, request: &Request) -> Result<(), Refusal> {
    let host = host(request);
    // With keys a page that got here would still have to know one.
    if !app.keys.are_set() && host.is_some_and(|host| !names_this_machine(host)) {
        let message = "a server without keys only answers to localhost; set a key to serve it under another name";
        return Err(Refusal::new(Code::WrongHost, message).field("host"));
    }
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if !reads
        && let Some(origin) = foreign_origin(request.headers(), host)
        && !app.allows_origin(origin)
    {
        let message = "this request comes from a page of another site; allow it with --cors-origin if it should";
        return Err(Refusal::new(Code::Forbidden, message).field("origin"));
    }
    Ok(())
}

/// The host a request is meant for, with its port.
fn host(request: &Request) -> Option<&str> {
    let from_uri = request.uri().authority().map(|authority| authority.as_str());
    from_uri.or_else(|| request.headers().get(header::HOST).and_then(|host| host.to_str().ok()))
}

fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The origin of the page that sent this, if it is not one of this server's own.
fn foreign_origin<'a>(headers: &'a HeaderMap, host: Option<&str>) -> Option<&'a str> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or("null");
    let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
    (!own).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_many_names() {
        for host in ["localhost", "localhost:7331", "127.0.0.1:7331", "[::1]:7331", "127.9.9.9", "LOCALHOST:1"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7331", "10.0.0.1:7331", "localhost.evil.example", "", "[2001:db8::1]"]
        {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}
