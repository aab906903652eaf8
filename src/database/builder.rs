//! Opening a database: settings, embedder, then store, recovery, indexes and the applying thread, in this order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use neodex_storage::{Manifest, Store, StoreOptions};

use crate::chunking::{Chunker, StructuralChunker};
use crate::config::Config;
use crate::database::{Database, Inner, manifest, recovery};
use crate::embedding::Embedder;
use crate::error::{Error, Result};
use crate::ingest::apply::Applier;
use crate::ingest::budget::Budget;

/// How a database is opened. Nothing happens until [`DatabaseBuilder::open`].
#[must_use]
pub struct DatabaseBuilder {
    path: PathBuf,
    config: Config,
    embedder: Option<Arc<dyn Embedder>>,
    chunker: Option<Arc<dyn Chunker>>,
    create: bool,
    temporary: Option<tempfile::TempDir>,
}

impl DatabaseBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            config: Config::default(),
            embedder: None,
            chunker: None,
            create: true,
            temporary: None,
        }
    }

    pub(crate) fn temporary() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("neodex-").tempdir().map_err(Error::io(std::env::temp_dir()))?;
        Ok(Self { temporary: Some(folder), ..Self::new(Path::new("")) }.in_temporary())
    }

    fn in_temporary(mut self) -> Self {
        if let Some(folder) = &self.temporary {
            self.path = folder.path().join("database");
        }
        self
    }

    /// What turns text into vectors. Without one the database searches by words.
    pub fn embedder(self, embedder: impl Embedder + 'static) -> Self {
        self.shared_embedder(Arc::new(embedder))
    }

    /// As [`DatabaseBuilder::embedder`], for one that several databases share.
    pub fn shared_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Settings other than the default.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Another way to cut documents into chunks.
    pub fn chunker(mut self, chunker: impl Chunker + 'static) -> Self {
        self.chunker = Some(Arc::new(chunker));
        self
    }

    /// Whether a missing database is made (the default) or an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Opens the database, and brings the indexes up to date with the store if the last process did not get to it.
    ///
    /// # Errors
    /// When another process has it (`Locked`), it is damaged or of a newer format, it was made with another model or chunking
    /// ([`Error::Mismatch`]), it does not exist and is not to be made ([`Error::NoDatabase`]), or a setting cannot work.
    pub fn open(self) -> Result<Database> {
        self.config.validate()?;
        let mut config = self.config;
        let path = self.path;
        let existing = Manifest::read(&path)?;
        if existing.is_none() && !self.create {
            return Err(Error::NoDatabase { path });
        }
        let embedder = self.embedder.as_deref();
        let stored_window = existing.as_ref().and_then(|manifest| manifest::window_tokens(&manifest.fields));
        let window_tokens = match embedder {
            Some(embedder) => config.window_tokens.or(stored_window).unwrap_or_else(|| embedder.window_tokens()),
            None => 0,
        };
        if let Some(manifest) = &existing
            && let Some((_, distance, rows)) = manifest::vectors(&manifest.fields)
            && embedder.is_none()
        {
            (config.distance, config.rows) = (distance, rows);
        }
        let given = manifest::describe(&config, embedder, window_tokens);
        let options = StoreOptions::new().cache_capacity_bytes(config.cache_bytes);
        let store = match &existing {
            None => Store::create(&path, given, options)?,
            Some(existing) => {
                let update = manifest::reconcile(&path, &existing.fields, &given)?;
                let store = Store::open(&path, options)?;
                if let Some(fields) = update {
                    store.replace_fields(fields)?;
                }
                store
            }
        };
        let recovered = recovery::recover(&store, &path, &config)?;
        let applier = Applier::start(store.clone(), recovered.indexes.clone(), recovered.searchable)?;
        let chunker = self.chunker.unwrap_or_else(|| Arc::new(StructuralChunker::new(&config.chunking)));
        Ok(Database::new(Inner {
            applier,
            indexes: recovered.indexes,
            store,
            path,
            budget: Budget::new(config.in_flight_bytes),
            config,
            embedder: self.embedder,
            chunker,
            window_tokens,
            notices: recovered.notices,
            temporary: self.temporary,
        }))
    }
}
