//! How a server is set up. The defaults suit a laptop and a small machine of its own; each can be changed by a flag of `neodex serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::keys::Secret;
use crate::error::{Error, Result};
use crate::listen::acceptor;

/// The port the server listens on where nobody says otherwise.
pub const DEFAULT_PORT: u16 = 7331;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen; default 127.0.0.1:7331. Port 0 takes a free one.
    pub addr: SocketAddr,
    /// The key that may do everything.
    pub api_key: Option<Secret>,
    /// The key that may only read.
    pub search_key: Option<Secret>,
    /// Certificate and key for TLS.
    pub tls: Option<TlsFiles>,
    /// Refuse every write.
    pub read_only: bool,
    /// Web origins that may call the API from a browser, such as `https://example.org`, or `*`; default none.
    pub cors_origins: Vec<String>,
    /// Searches that take longer are logged with their query; default 1 s.
    pub slow_query: Duration,
    /// How embedding requests are gathered.
    pub batching: Batching,
    /// What one request, and all of them, may cost.
    pub limits: Limits,
}

/// PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, with those above it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How embedding requests are gathered into batches.
#[derive(Debug, Clone)]
pub struct Batching {
    /// Tokens that go through the model together; default 16,384.
    pub batch_tokens: usize,
    /// Tokens that may wait for the model; more are refused with 429. Default 262,144.
    pub queue_tokens: usize,
    /// The longest a batch waits to be filled while more is known to come; default 2 ms.
    pub wait: Duration,
    /// Query vectors that are remembered; default 4,096.
    pub cached_queries: usize,
}

/// What requests may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest JSON body, unpacked, in bytes; default 64 MiB.
    pub body_bytes: usize,
    /// The longest line of a stream, in bytes; default 64 MiB.
    pub line_bytes: usize,
    /// Answers of a stream that are kept for a client which does not read them yet; default 65,536.
    pub unread_lines: usize,
    /// Texts of one embedding or reranking request; default 2,048.
    pub texts: usize,
    /// The longest query, in bytes; default 32 KiB.
    pub query_bytes: usize,
    /// Hits of one answer; default 1,000.
    pub hits: usize,
    /// Hits that may be passed over; default 100,000.
    pub offset: usize,
    /// Open connections; default 1,024. More wait to be accepted.
    pub connections: usize,
    /// Requests that wait for a thread; more are refused with 429. Default 512.
    pub waiting: usize,
    /// Ingests that run at once; more are refused with 429. Default 8.
    pub ingests: usize,
    /// Time for the head of a request, and for the next one on an open connection; default 60 s.
    pub header_time: Duration,
    /// Time between two pieces of a body, or for a client to take a piece of an answer; default 30 s.
    pub idle_time: Duration,
    /// Time for an answer, from the end of the body on; default 60 s. Streams, snapshots and embeddings have no such limit.
    pub answer_time: Duration,
    /// Time for what is under way when the server is told to stop; default 30 s.
    pub shutdown_time: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            api_key: None,
            search_key: None,
            tls: None,
            read_only: false,
            cors_origins: Vec::new(),
            slow_query: Duration::from_secs(1),
            batching: Batching::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self { batch_tokens: 16_384, queue_tokens: 262_144, wait: Duration::from_millis(2), cached_queries: 4_096 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            line_bytes: 64 << 20,
            unread_lines: 65_536,
            texts: 2_048,
            query_bytes: 32 << 10,
            hits: 1_000,
            offset: 100_000,
            connections: 1_024,
            waiting: 512,
            ingests: 8,
            header_time: Duration::from_secs(60),
            idle_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(60),
            shutdown_time: Duration::from_secs(30),
        }
    }
}

impl ServerConfig {
    /// Whether any key is set.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.api_key.is_some() || self.search_key.is_some()
    }

    /// Checks the settings that could not work or would be unsafe.
    ///
    /// # Errors
    /// [`Error::Unprotected`] for an address others can reach without a key, [`Error::Setting`] for the rest, and those of reading a certificate.
    pub fn validate(&self) -> Result<()> {
        let setting = |field, reason: &str| Err(Error::Setting { field, reason: reason.to_owned() });
        if !self.addr.ip().is_loopback() && !self.has_keys() {
            return Err(Error::Unprotected { addr: self.addr });
        }
        for (field, key) in [("--api-key", &self.api_key), ("--search-key", &self.search_key)] {
            if let Some(key) = key {
                if key.is_empty() {
                    return setting(field, "the key is empty; leave it out to go without one");
                }
                if !key.is_printable() {
                    return setting(field, "a key is made of visible ASCII characters, because it travels in a header");
                }
            }
        }
        if self.api_key.is_some() && self.api_key == self.search_key {
            return setting("--search-key", "it is the same as the key that may do everything");
        }
        if self.batching.batch_tokens == 0 || self.batching.queue_tokens < self.batching.batch_tokens {
            return setting(
                "--queue-tokens",
                "at least one batch (--batch-tokens, at least 1) must fit into the queue",
            );
        }
        let limits = &self.limits;
        if [
            limits.body_bytes,
            limits.line_bytes,
            limits.texts,
            limits.hits,
            limits.unread_lines,
            limits.connections,
            limits.ingests,
        ]
        .contains(&0)
        {
            return setting("limits", "a limit of 0 would refuse everything");
        }
        // A certificate that cannot be used is told before a database is made for it.
        self.tls.as_ref().map(acceptor).transpose()?;
        Ok(())
    }
}
