//! What every request has at hand.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neodex::Database;
use tokio::sync::{Semaphore, watch};

use crate::auth::keys::Keys;
use crate::auth::session::Sessions;
use crate::config::ServerConfig;
use crate::embed::Meaning;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::work::Work;

/// The server's state. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// See [`App`].
pub(crate) struct Shared {
    /// A handle that never writes, so that searches wait for nobody's writes. Writers clone it.
    pub(crate) db: Database,
    pub(crate) config: ServerConfig,
    pub(crate) keys: Keys,
    pub(crate) sessions: Sessions,
    pub(crate) metrics: Arc<Metrics>,
    /// Nothing in a database that goes by words only.
    pub(crate) meaning: Option<Meaning>,
    pub(crate) work: Work,
    pub(crate) ingests: Arc<Semaphore>,
    pub(crate) snapshots: Arc<Semaphore>,
    /// Turns true when the server is to stop.
    pub(crate) stop: watch::Receiver<bool>,
    /// The OpenAPI document, as it is served.
    pub(crate) openapi: std::sync::OnceLock<serde_json::Value>,
    ready: AtomicBool,
}

impl App {
    pub(crate) fn new(db: Database, config: ServerConfig, stop: watch::Receiver<bool>) -> Result<Self> {
        let metrics = Arc::new(Metrics::default());
        let meaning = db
            .embedder()
            .map(|embedder| Meaning::start(Arc::clone(embedder), &config, Arc::clone(&metrics)))
            .transpose()?;
        Ok(Self(Arc::new(Shared {
            keys: Keys::of(&config),
            sessions: Sessions::new()?,
            work: Work::new(config.limits.waiting),
            ingests: Arc::new(Semaphore::new(config.limits.ingests)),
            snapshots: Arc::new(Semaphore::new(1)),
            openapi: std::sync::OnceLock::new(),
            ready: AtomicBool::new(meaning.is_none()),
            db,
            config,
            metrics,
            meaning,
            stop,
        })))
    }

    /// Whether pages of this origin may call the API.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.config.cors_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    /// Whether the server has been told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Whether the model is loaded and the server means to stay.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_stopping()
    }

    /// Builds the model by using it once, which takes seconds for large ones, and is ready then.
    pub(crate) async fn warm_up(self) {
        if let Some(meaning) = &self.meaning {
            if let Err(refusal) = meaning.query("warm up").await {
                tracing::error!(error = %refusal.message, "the model does not work; this server stays unready");
                return;
            }
            tracing::info!(model = meaning.name(), "the model is ready");
        }
        self.0.ready.store(true, Ordering::Release);
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
