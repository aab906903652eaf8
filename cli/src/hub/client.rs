//! The hub's routes over HTTP.
//!
//! Redirections are followed here and not by the HTTP library, because the hub's own answer, not the one behind it, names the file's hash, and
//! because the token is for the hub alone.

use std::io::Read;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::choose::Sibling;
use super::place::Place;
use super::repository::Repository;
use crate::exit::usage;

/// To connect, and to wait for an answer's head.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a body; a large file that takes longer is gone on with where it stopped.
const BODY_PATIENCE: Duration = Duration::from_secs(600);
const MOST_REDIRECTIONS: usize = 6;
/// Of an answer in JSON.
const LARGEST_ANSWER: u64 = 32 << 20;

/// Somebody to ask.
pub(super) struct Client<'a> {
    agent: Agent,
    place: &'a Place,
}

/// What is known of a revision.
#[derive(Debug, Deserialize)]
pub(super) struct Revision {
    /// The commit.
    pub(super) sha: String,
    /// Its files.
    #[serde(default)]
    pub(super) siblings: Vec<Sibling>,
}

/// What the hub says of a file before it is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Its hash, by which its bytes are kept.
    pub(super) etag: String,
    /// Bytes, where it says.
    pub(super) size: Option<u64>,
}

/// A file's bytes, from some byte on.
pub(super) struct Part {
    /// The first byte's place in the file.
    pub(super) start: u64,
    /// The bytes.
    pub(super) bytes: Box<dyn Read>,
}

impl<'a> Client<'a> {
    /// For the hub of `place`.
    pub(super) fn new(place: &'a Place) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(BODY_PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("neodex/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), place }
    }

    /// The commit of a branch, a tag or a commit's beginning, and its files.
    pub(super) fn revision(&self, repository: &Repository, revision: &str) -> Result<Revision> {
        let address = format!("{}/api/models/{repository}/revision/{revision}?blobs=true", self.place.endpoint);
        let what = format!("{repository} at {revision}");
        let response = self.follow(&address, &[], &what)?;
        let mut answer = String::new();
        let body = response.into_body().into_reader().take(LARGEST_ANSWER).read_to_string(&mut answer);
        body.with_context(|| format!("{address}: the answer broke off"))?;
        let answer: Revision = serde_json::from_str(&answer).with_context(|| {
            format!("{address}: this is no hub's answer; is HF_ENDPOINT a Hugging Face compatible hub?")
        })?;
        match is_commit(&answer.sha) {
            true => Ok(answer),
            false => Err(anyhow!("{address}: `{}` is no commit", answer.sha)),
        }
    }

    /// What the hub says of a file.
    pub(super) fn head(&self, repository: &Repository, commit: &str, path: &str) -> Result<Head> {
        let address = self.file(repository, commit, path);
        let mut at = address.clone();
        for _ in 0..MOST_REDIRECTIONS {
            let request = self.agent.head(&at).header("accept-encoding", "identity");
            let request = match &self.place.token {
                Some(token) if same_host(&at, &self.place.endpoint) => {
                    request.header("authorization", format!("Bearer {token}"))
                }
                _ => request,
            };
            let response = request.call().map_err(|error| unreachable(&at, &error))?;
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            let number = |name: &str| header(name).and_then(|value| value.parse().ok());
            let linked = header("x-linked-etag");
            let status = response.status();
            // A redirection within the hub (a renamed repository) says nothing of the file; one to where large files are kept does.
            if let (true, None, Some(to)) = (status.is_redirection(), linked, header("location")) {
                at = target(&at, to)?;
                continue;
            }
            if !status.is_success() && !status.is_redirection() {
                return Err(self.refused(status, &format!("{path} of {repository}")));
            }
            let size =
                number("x-linked-size").or_else(|| if status.is_success() { number("content-length") } else { None });
            let etag = linked.or_else(|| header("etag")).map(bare).filter(|etag| is_file_name(etag));
            let etag = etag.ok_or_else(|| anyhow!("{at}: the answer names no ETag, so the file could not be kept"))?;
            return Ok(Head { etag: etag.to_owned(), size });
        }
        Err(anyhow!("{address}: sent from one place to the next without end"))
    }

    /// The bytes of a file from `start` on. A server that cannot begin in the middle begins at the front.
    pub(super) fn bytes(&self, repository: &Repository, commit: &str, path: &str, start: u64) -> Result<Part> {
        let address = self.file(repository, commit, path);
        let range = format!("bytes={start}-");
        let headers: &[(&str, &str)] = if start > 0 { &[("range", &range)] } else { &[] };
        let response = self.follow(&address, headers, &format!("{path} of {repository}"))?;
        let start = if response.status() == StatusCode::PARTIAL_CONTENT { start } else { 0 };
        Ok(Part { start, bytes: Box::new(response.into_body().into_reader()) })
    }

    fn file(&self, repository: &Repository, commit: &str, path: &str) -> String {
        let path: Vec<String> = path.split('/').map(escaped).collect();
        format!("{}/{repository}/resolve/{commit}/{}", self.place.endpoint, path.join("/"))
    }

    /// An answer with a body, wherever it is.
    fn follow(&self, address: &str, headers: &[(&str, &str)], what: &str) -> Result<Response<Body>> {
        let mut at = address.to_owned();
        for _ in 0..MOST_REDIRECTIONS {
            let mut request = self.agent.get(&at).header("accept-encoding", "identity");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(token) = self.place.token.as_ref().filter(|_| same_host(&at, &self.place.endpoint)) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| unreachable(&at, &error))?;
            let status = response.status();
            match response.headers().get("location").and_then(|to| to.to_str().ok()) {
                Some(to) if status.is_redirection() => at = target(&at, to)?,
                _ if status.is_success() => return Ok(response),
                _ => return Err(self.refused(status, what)),
            }
        }
        Err(anyhow!("{address}: sent from one place to the next without end"))
    }

    /// What a status means to somebody who wants a model.
    fn refused(&self, status: StatusCode, what: &str) -> anyhow::Error {
        let endpoint = &self.place.endpoint;
        match status.as_u16() {
            401 | 403 | 404 if self.place.token.is_none() => usage(format!(
                "{endpoint} does not give out {what} ({status}): the name may be wrong, or it is private or asks for consent; then set HF_TOKEN"
            )),
            401 => usage(format!("{endpoint} does not accept the token ({status}); see HF_TOKEN")),
            403 => usage(format!(
                "{endpoint} refuses {what} to this token ({status}); has its owner's consent been asked for?"
            )),
            404 => usage(format!("{endpoint} has no {what} ({status}), or not for this token")),
            429 => anyhow!("{endpoint} asks to come back later ({status})"),
            _ => anyhow!("{endpoint} answers {status} to {what}"),
        }
    }
}

fn unreachable(address: &str, error: &ureq::Error) -> anyhow::Error {
    let host = address.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
    anyhow!("cannot reach {}: {error}", host.unwrap_or_else(|| address.to_owned()))
}

/// Whether two addresses are of one server.
fn same_host(a: &str, b: &str) -> bool {
    let server = |address: &str| {
        let uri: Uri = address.parse().ok()?;
        Some((uri.scheme_str()?.to_owned(), uri.authority()?.to_string()))
    };
    server(a).is_some_and(|a| Some(a) == server(b))
}

/// Where a redirection from `from` leads.
fn target(from: &str, to: &str) -> Result<String> {
    if to.contains("://") {
        return Ok(to.to_owned());
    }
    let uri: Uri = from.parse().with_context(|| format!("{from}: no address"))?;
    let (Some(scheme), Some(authority), true) = (uri.scheme_str(), uri.authority(), to.starts_with('/')) else {
        return Err(anyhow!("{from}: sent to `{to}`, which is no address"));
    };
    Ok(format!("{scheme}://{authority}{to}"))
}

/// An ETag without its quotes.
fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}

fn is_file_name(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() < 200 && !name.starts_with('.') && name.bytes().all(sound)
}

fn is_commit(sha: &str) -> bool {
    is_file_name(sha) && sha.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A part of a path as it stands in an address.
fn escaped(part: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    part.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        assert!(same_host("http://hub:81/a", "http://hub:81"));
        for other in ["http://hub/a", "https://hub:81/a", "http://hub:81.evil/a", "/a"] {
            assert!(!same_host(other, "http://hub:81"), "{other}");
        }
        assert_eq!(target("http://hub:81/a/b", "/c").unwrap(), "http://hub:81/c");
        assert_eq!(target("http://hub:81/a", "https://cdn/x").unwrap(), "https://cdn/x");
        assert!(target("http://hub/a", "c").is_err());
        assert_eq!(escaped("a b+ü"), "a%20b%2B%C3%BC");
        assert_eq!(bare("W/\"abc\""), "abc");
        assert!(!is_file_name("../x") && !is_file_name("") && is_file_name("0a1b"));
    }
}
