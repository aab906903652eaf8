//! The page's cookie. A browser cannot send a key in a header, so a person types it once and gets a cookie that only the page's own routes
//! take, and only for reading. The cookie is its end and a keyed hash of that: nothing is kept, and a restart ends every session.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};

use crate::error::{Error, Result};

/// The cookie's name.
const NAME: &str = "neodex_session";
/// How long it is good for.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Makes and checks cookies.
pub(crate) struct Sessions {
    key: [u8; 32],
}

impl Sessions {
    /// With a new secret.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn new() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Error::System { what: "random numbers", reason: error.to_string() })?;
        Ok(Self { key })
    }

    /// A `Set-Cookie` that opens a session.
    pub(crate) fn open(&self, secure: bool) -> String {
        let until = seconds_since_1970(SystemTime::now() + LIFETIME);
        let value = format!("{until}.{}", self.seal(until));
        format!("{NAME}={value}; Path=/; Max-Age={}{}", LIFETIME.as_secs(), flags(secure))
    }

    /// A `Set-Cookie` that ends one.
    pub(crate) fn close(secure: bool) -> String {
        format!("{NAME}=; Path=/; Max-Age=0{}", flags(secure))
    }

    /// Whether a request comes with a cookie of ours that is good still.
    pub(crate) fn is_open(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == NAME).then_some(value)
        });
        values.any(|value| self.is_good(value))
    }

    fn is_good(&self, value: &str) -> bool {
        let Some((until, seal)) = value.split_once('.') else { return false };
        let (Ok(until), Ok(seal)) = (until.parse(), blake3::Hash::from_hex(seal)) else { return false };
        self.seal(until) == seal && until > seconds_since_1970(SystemTime::now())
    }

    fn seal(&self, until: u64) -> blake3::Hash {
        blake3::keyed_hash(&self.key, &until.to_le_bytes())
    }
}

fn flags(secure: bool) -> &'static str {
    if secure { "; HttpOnly; SameSite=Strict; Secure" } else { "; HttpOnly; SameSite=Strict" }
}

fn seconds_since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn only_cookies_of_this_server_open_it() {
        let sessions = Sessions::new().unwrap();
        let cookie = sessions.open(true);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        assert!(sessions.is_open(&headers(&format!("a=b; {pair}; c"))));
        assert!(!Sessions::new().unwrap().is_open(&headers(pair)), "another server's");
        let later = pair.replacen("session=", "session=9", 1);
        assert!(!sessions.is_open(&headers(&later)), "a later end needs another seal");
        let past = seconds_since_1970(SystemTime::now()) - 1;
        assert!(!sessions.is_open(&headers(&format!("{NAME}={past}.{}", sessions.seal(past)))));
        assert!(!sessions.is_open(&HeaderMap::new()));
    }
}
