//! Opening a database: settings, embedder, then store, recovery, indexes and the applying thread, in this order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use neodex_index::vector::Neighbours;
use neodex_storage::{Manifest, Store, StoreOptions};

use crate::chunking::{Chunker, StructuralChunker};
use crate::config::Config;
use crate::database::aftermath::Aftermath;
use crate::database::{Database, Inner, manifest, recovery, switch};
use crate::embedding::{BroughtVectors, Embedder, bundled};
use crate::error::{Error, Result};
use crate::ingest::apply::Applier;
use crate::ingest::budget::Budget;
use crate::ingest::vacate::drop_vectors;
use crate::schema::{ONLY, Slot, TOTALS};
use crate::sealing::rows::FullRows;
use crate::sealing::{Hear, Linking, Sealer};
use crate::search::filter::FilterCache;

/// How a database is opened. Nothing happens until [`DatabaseBuilder::open`].
#[must_use]
pub struct DatabaseBuilder {
    path: PathBuf,
    config: Config,
    meaning: Meaning,
    chunker: Option<Arc<dyn Chunker>>,
    create: bool,
    replace_model: bool,
    background: bool,
    neighbours: Option<Arc<dyn Neighbours>>,
    hear: Hear,
    temporary: Option<tempfile::TempDir>,
}

/// Where vectors come from.
enum Meaning {
    /// From the bundled model, unless the database was made with another one or without any.
    Usual,
    /// From this embedder.
    Given(Arc<dyn Embedder>),
    /// From nowhere.
    Words,
}

impl DatabaseBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            config: Config::default(),
            meaning: Meaning::Usual,
            chunker: None,
            create: true,
            replace_model: false,
            background: true,
            neighbours: None,
            hear: Arc::new(|_| {}),
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

    /// What turns text into vectors; default the bundled model, where this build has one and the database was not made with another.
    pub fn embedder(self, embedder: impl Embedder + 'static) -> Self {
        self.shared_embedder(Arc::new(embedder))
    }

    /// As [`DatabaseBuilder::embedder`], for one that several databases share.
    pub fn shared_embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.meaning = Meaning::Given(embedder);
        self
    }

    /// Vectors of `dimension` values (1 to 4096) that are made elsewhere: [`Database::insert_vectors`] stores them and [`Database::search_vector`]
    /// searches them. The documents beside them are searched by words.
    pub fn vectors(self, dimension: usize) -> Self {
        self.shared_embedder(Arc::new(BroughtVectors::new(dimension)))
    }

    /// No vectors: search by words, and store documents without. A database made this way stays so until it is given an embedder.
    pub fn without_embedder(mut self) -> Self {
        self.meaning = Meaning::Words;
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

    /// Whether documents that wait for their vectors get them on a thread of their own while the database is open (default: they do). A program
    /// that opens it for a moment may leave that to others.
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// What finds the nearest of all vectors, for segments of the vector index to be linked by; default the
    /// [embedder's](Embedder::neighbours), if it has any. Where it fails they are linked in the ordinary way, and [`DatabaseBuilder::on_notice`] is told.
    pub fn neighbours(mut self, neighbours: impl Neighbours + 'static) -> Self {
        self.neighbours = Some(Arc::new(neighbours));
        self
    }

    /// Who hears what a person should know of what happens in the background while the database is open, from a thread of the database's. What
    /// happened while opening is in [`Database::notices`].
    pub fn on_notice(mut self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.hear = Arc::new(hear);
        self
    }

    /// Whether a database of another model takes this one (default: it is refused). Its vectors are dropped while it is opened, and new ones
    /// are made in the background or by [`Database::reembed`]; until then its documents are found by words only. [`Database::reembed_with`]
    /// keeps the old ones until the new ones are complete.
    pub fn replace_model(mut self, replace: bool) -> Self {
        self.replace_model = replace;
        self
    }

    /// The folder it will be in.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a missing database is made.
    pub(crate) fn creates(&self) -> bool {
        self.create
    }

    /// Opens the database, and brings the indexes up to date with the store if the last process did not get to it.
    ///
    /// # Errors
    /// When another process has it (`Locked`), it is damaged or of a newer format, it was made with another model or chunking
    /// ([`Error::EmbedderMismatch`], [`Error::Mismatch`]), it does not exist and is not to be made ([`Error::NoDatabase`]), or a setting cannot work.
    pub fn open(self) -> Result<Database> {
        self.config.validate()?;
        let mut config = self.config;
        let path = self.path;
        let mut existing = Manifest::read(&path)?;
        if existing.is_none() && !self.create {
            return Err(Error::NoDatabase { path });
        }
        if self.replace_model {
            let wanted = match &self.meaning {
                Meaning::Given(embedder) => Some(Arc::clone(embedder)),
                Meaning::Usual => bundled::shared()?,
                Meaning::Words => None,
            };
            if let (Some(wanted), Some(manifest)) = (wanted, &existing)
                && manifest::model(&manifest.fields).is_some_and(|(_, fingerprint)| fingerprint != wanted.fingerprint())
            {
                forget_model(&path, &config)?;
                existing = Manifest::read(&path)?;
            }
        }
        let stored = existing.as_ref().map(|manifest| &manifest.fields);
        let mut notices = Vec::new();
        let words_only = matches!(self.meaning, Meaning::Words);
        let shared = match self.meaning {
            Meaning::Given(embedder) => Some(embedder),
            Meaning::Words => None,
            Meaning::Usual => usual(stored, &mut notices)?,
        };
        let embedder = shared.as_deref();
        let stored_window = stored.and_then(manifest::window_tokens);
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
        let mut given = manifest::describe(&config, embedder, window_tokens);
        let options = StoreOptions::new().cache_capacity_bytes(config.cache_bytes);
        let store = match &existing {
            None => {
                if words_only {
                    manifest::mark_words_only(&mut given);
                }
                Store::create(&path, given, options)?
            }
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
        notices.extend(recovered.notices);
        let slot = manifest::slot(&store.manifest().fields);
        let embeds_text = embedder.is_some_and(Embedder::embeds_text);
        notices.extend(pending(&store, slot, embeds_text, self.background)?);
        notices.extend(switch::notice(&store)?);
        let indexes = recovered.indexes;
        let policy = config.sealing.clone();
        let sealer = match &indexes.vectors {
            Some(vectors) => Some(Sealer::start(
                store.clone(),
                Arc::clone(vectors),
                policy.clone(),
                Linking { options: config.graph.clone(), given: self.neighbours, embedder: shared.clone() },
                FullRows { slot, format: config.rows, rescoring: config.rescoring, binary: config.binary },
                Arc::clone(&indexes.sealing),
                self.hear,
            )?),
            None => None,
        };
        let applier = Applier::start(store.clone(), indexes.clone(), recovered.searchable, policy)?;
        let chunker = self.chunker.unwrap_or_else(|| Arc::new(StructuralChunker::new(&config.chunking)));
        let aftermath = Aftermath::after_crash(&store)?;
        let inner = Inner {
            aftermath,
            applier,
            sealer,
            indexes,
            filters: FilterCache::default(),
            store,
            path,
            budget: Budget::new(config.in_flight_bytes),
            config,
            embedder: shared,
            chunker,
            window_tokens,
            slot,
            notices,
            temporary: self.temporary,
        };
        Database::new(inner, self.background)
    }
}

/// Makes a database one without vectors and without a model. The manifest changes last: until then it is the old model's, with fewer vectors.
fn forget_model(path: &Path, config: &Config) -> Result<()> {
    let store = Store::open(path, StoreOptions::new().cache_capacity_bytes(config.cache_bytes))?;
    drop_vectors(&store)?;
    store.replace_fields(manifest::without_model(&store.manifest().fields))?;
    Ok(())
}

/// What a database that was opened without a word about models searches with.
fn usual(stored: Option<&BTreeMap<String, String>>, notices: &mut Vec<String>) -> Result<Option<Arc<dyn Embedder>>> {
    let Some(fields) = stored else { return bundled::shared() };
    if manifest::is_words_only(fields) {
        return Ok(None);
    }
    let Some((name, fingerprint)) = manifest::model(fields) else { return bundled::shared() };
    if let Some((dimension, ..)) = manifest::vectors(fields)
        && BroughtVectors::new(dimension).fingerprint() == fingerprint
    {
        return Ok(Some(Arc::new(BroughtVectors::new(dimension))));
    }
    match bundled::shared()? {
        Some(bundled) if bundled.fingerprint() == fingerprint => Ok(Some(bundled)),
        Some(bundled) if bundled.name() == name => {
            notices.push(format!(
                "the database was made with an earlier version of the model `{name}`, whose vectors this one cannot read: \
                 searching by words only until `reembed` has made new ones"
            ));
            Ok(None)
        }
        _ => {
            notices
                .push(format!("the database was made with the model `{name}`, and was opened without it: words only"));
            Ok(None)
        }
    }
}

/// Documents without vectors are found by words only, which nobody would guess.
fn pending(store: &Store, slot: Slot, has_embedder: bool, background: bool) -> Result<Option<String>> {
    let totals = store.get(&TOTALS, ONLY)?.unwrap_or_default();
    let pending = totals.chunks.saturating_sub(totals.vectors(slot));
    let remedy = if background { "they are made in the background" } else { "`reembed` makes them" };
    Ok((has_embedder && pending > 0).then(|| {
        format!("{pending} of {} passages have no vector yet and are found by words only; {remedy}", totals.chunks)
    }))
}
