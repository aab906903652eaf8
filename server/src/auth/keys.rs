//! Keys, kept as hashes: comparing two hashes takes the same time wherever they differ, and nothing that prints the server's state can
//! print a key.

use std::fmt;

use axum::http::{HeaderMap, header};
use blake3::Hash;

use crate::config::ServerConfig;

/// A key as somebody typed it. It shows nothing of itself when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_printable(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Read.
    Search,
    /// Everything.
    Admin,
}

/// The keys of a server.
#[derive(Clone)]
pub(crate) struct Keys {
    admin: Option<Hash>,
    search: Option<Hash>,
}

impl Keys {
    pub(crate) fn of(config: &ServerConfig) -> Self {
        let hash = |key: &Option<Secret>| key.as_ref().map(|key| blake3::hash(key.0.as_bytes()));
        Self { admin: hash(&config.api_key), search: hash(&config.search_key) }
    }

    /// Whether there is any key.
    pub(crate) fn are_set(&self) -> bool {
        self.admin.is_some() || self.search.is_some()
    }

    /// Whose key this is. Both are compared, whatever the first comparison says.
    pub(crate) fn role_of(&self, key: &[u8]) -> Option<Role> {
        let given = blake3::hash(key);
        // `Hash` compares in constant time.
        let admin = self.admin.as_ref().is_some_and(|admin| *admin == given);
        let search = self.search.as_ref().is_some_and(|search| *search == given);
        match (admin, search) {
            (true, _) => Some(Role::Admin),
            (false, true) => Some(Role::Search),
            (false, false) => None,
        }
    }
}

/// The key a request brings: `Authorization: Bearer KEY`, `api-key: KEY` or `x-api-key: KEY`.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        return scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii());
    }
    headers.get("api-key").or_else(|| headers.get("x-api-key")).map(|value| value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_roles_and_show_nothing() {
        let config = ServerConfig {
            api_key: Some(Secret::new("all")),
            search_key: Some(Secret::new("read")),
            ..ServerConfig::default()
        };
        let keys = Keys::of(&config);
        assert_eq!(keys.role_of(b"all"), Some(Role::Admin));
        assert_eq!(keys.role_of(b"read"), Some(Role::Search));
        assert_eq!(keys.role_of(b""), None);
        assert_eq!(keys.role_of(b"al"), None);
        let shown = format!("{config:?}");
        assert!(!shown.contains("\"all\"") && !shown.contains("\"read\""), "{shown}");
    }

    #[test]
    fn a_key_comes_in_any_of_three_headers() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            presented(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(with("authorization", "Bearer k").as_deref(), Some(&b"k"[..]));
        assert_eq!(with("authorization", "bearer  k ").as_deref(), Some(&b"k"[..]));
        assert_eq!(with("authorization", "Basic k"), None);
        assert_eq!(with("api-key", "k").as_deref(), Some(&b"k"[..]));
        assert_eq!(with("x-api-key", "k").as_deref(), Some(&b"k"[..]));
        assert_eq!(with("cookie", "k"), None);
    }
}
