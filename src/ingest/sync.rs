//! Bringing the database up to date with a file or folder: read what changed, skip what did not, delete what is gone.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crossbeam_channel::Receiver;

use crate::database::Inner;
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::ingest::control::{Cancel, Control, Observer};
use crate::ingest::delete::delete_many;
use crate::ingest::pipeline::{Feed, run};
use crate::ingest::report::{Failure, IngestReport};
use crate::ingest::source::{Origin, source_prefix};
use crate::ingest::walk::{Found, folder, walk};
use crate::parse::{Format, ParseError, ParseOptions, RecordError, parse_path};
use crate::schema::{ONLY, SOURCE_DOCUMENTS, SOURCES, TOTALS};

/// Files of this many bytes are looked into while the folder is listed: one that is not text (weights, an archive) would else make up most of
/// what there seems to be left to do.
const LARGE: u64 = 64 << 10;

/// How to bring a path in.
#[derive(Clone, Default)]
pub struct SyncOptions {
    /// How files are parsed.
    pub parse: ParseOptions,
    /// Delete documents whose file under the path, or whose record in its file, is gone.
    pub prune: bool,
    /// Read every file, even one whose length and time have not changed.
    pub force: bool,
    /// Metadata added to every document that does not have the field itself.
    pub metadata: Vec<(String, serde_json::Value)>,
    /// Stops it.
    pub cancel: Cancel,
    /// Hears how far it is.
    pub observer: Option<Observer>,
}

impl std::fmt::Debug for SyncOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncOptions").field("parse", &self.parse).field("prune", &self.prune).finish_non_exhaustive()
    }
}

/// See [`crate::Database::sync`].
pub(crate) fn sync(inner: &Inner, path: &Path, options: &SyncOptions) -> Result<IngestReport> {
    let control = Control::new(options.cancel.clone(), options.observer.clone());
    let (mut files, failures) = list(path, &inner.path, options)?;
    let seen: HashSet<String> = files.iter().map(|file| file.id.clone()).collect();
    let mut not_text = Vec::new();
    let names_folder = path.is_dir();
    if names_folder && options.parse.format.is_none() {
        files.retain(|file| {
            let passed_over = file.stat.length >= LARGE && Format::of_file(&file.path).is_err_and(is_binary);
            if passed_over {
                not_text.push(file.id.clone());
            }
            !passed_over
        });
    }
    control.expect(files.iter().map(|file| file.stat.length).sum());
    let skim = Skim {
        inner,
        options,
        // With vectors missing somewhere, a file must be looked at to know whether they are its own.
        names_folder,
        trust_times: !options.force && (!inner.embeds_text() || !has_pending(inner)?),
    };
    let mut report = run(inner, &control, |feed| skim.read_all(feed, files))?;
    report.failed.extend(failures);
    report.not_text.extend(not_text);
    report.not_text.sort();
    report.failed.sort_by(|a, b| a.source.cmp(&b.source));
    if options.prune && !report.cancelled {
        report.deleted += prune(inner, path, &seen)?;
    }
    Ok(report)
}

fn list(path: &Path, database: &Path, options: &SyncOptions) -> Result<(Vec<Found>, Vec<Failure>)> {
    let beir = options.parse.format == Some(Format::Beir) && path.is_dir();
    if !beir {
        return walk(path, database);
    }
    let corpus = ["corpus.jsonl", "corpus.jsonl.zst", "corpus.jsonl.gz"].map(|name| path.join(name));
    let corpus = corpus.into_iter().find(|file| file.is_file()).ok_or_else(|| Error::Argument {
        field: "path",
        reason: format!("{} is not a BEIR folder: it has no corpus.jsonl", path.display()),
    })?;
    Ok((vec![folder(path, "corpus.jsonl", &corpus)?], Vec::new()))
}

fn is_binary(error: ParseError) -> bool {
    matches!(error, ParseError::Binary)
}

fn has_pending(inner: &Inner) -> Result<bool> {
    let totals = inner.store.get(&TOTALS, ONLY)?.unwrap_or_default();
    Ok(totals.vectors(inner.slot) < totals.chunks)
}

struct Skim<'a> {
    inner: &'a Inner,
    options: &'a SyncOptions,
    trust_times: bool,
    /// Whether files were found rather than named.
    names_folder: bool,
}

impl Skim<'_> {
    /// Reads the files on as many threads as there are cores.
    fn read_all(&self, feed: &Feed<'_>, files: Vec<Found>) -> Result<IngestReport> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        files.into_iter().for_each(|file| drop(sender.send(file)));
        drop(sender);
        let readers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..readers)
                .map(|_| {
                    let (feed, receiver) = (feed.clone(), receiver.clone());
                    scope.spawn(move || self.read_some(&feed, &receiver))
                })
                .collect();
            let mut report = IngestReport::default();
            for thread in threads {
                let read = thread
                    .join()
                    .map_err(|_| Error::IndexingStopped { reason: "a reading thread panicked".to_owned() })?;
                report.merge(read?);
            }
            Ok(report)
        })
    }

    fn read_some(&self, feed: &Feed<'_>, files: &Receiver<Found>) -> Result<IngestReport> {
        let mut report = IngestReport::default();
        for file in files {
            if feed.control.cancel.is_cancelled() {
                break;
            }
            let length = file.stat.length;
            self.read(feed, file, &mut report)?;
            feed.control.source(length);
        }
        Ok(report)
    }

    /// Reads one file. In the report: what was skipped without reading, what was pruned, what is not text.
    fn read(&self, feed: &Feed<'_>, file: Found, report: &mut IngestReport) -> Result<()> {
        let store = &self.inner.store;
        let stored = store.get(&SOURCES, file.id.as_str())?;
        if let Some(stored) = &stored {
            if stored.root != file.stat.root && still_there(&stored.root, &file.id) {
                let reason = format!(
                    "its id is taken by the file of the same relative path under {}; ingest a folder above both",
                    stored.root
                );
                feed.failure(file.id, reason);
                return Ok(());
            }
            if self.trust_times && file.stat.matches(stored) {
                feed.control.document(stored.documents, 0);
                report.skipped += stored.documents;
                return Ok(());
            }
        }
        let origin = Origin::new(store.clone(), file.id.clone(), file.stat);
        let prune_records = self.options.prune && stored.is_some_and(|stored| stored.many);
        let mut ids = HashSet::new();
        // Whether no record yet was or could have been a document, and what was wrong with them: a table of figures that happens to lie in
        // the folder is passed over whole.
        let mut lacks_text = self.names_folder && self.options.parse.fields.text.is_none();
        let mut without_text = Vec::new();
        let mut emit = |record: std::result::Result<crate::document::Document, RecordError>| match record {
            Ok(mut document) => {
                lacks_text = false;
                for (key, value) in &self.options.metadata {
                    if document.metadata.get(key).is_none() {
                        document.metadata.insert(key.clone(), value.clone());
                    }
                }
                let source = document.id.to_string();
                if prune_records {
                    ids.insert(document.id.clone());
                }
                if feed.document(document, source, Some(origin.clone())) {
                    ControlFlow::Continue(())
                } else {
                    origin.fail();
                    ControlFlow::Break(())
                }
            }
            Err(error) => {
                origin.fail();
                if lacks_text && error.lacks_text {
                    without_text.push(error);
                } else {
                    lacks_text = false;
                    feed.failure(error.source, error.reason);
                }
                ControlFlow::Continue(())
            }
        };
        let parsed = parse_path(&file.path, &file.id, &self.options.parse, &mut emit);
        if lacks_text && parsed.is_ok() && !without_text.is_empty() {
            report.without_text.push(file.id);
            return Ok(());
        }
        without_text.into_iter().for_each(|error| feed.failure(error.source, error.reason));
        if let Err(error) = parsed {
            origin.fail();
            match error {
                ParseError::Binary if self.names_folder => report.not_text.push(file.id),
                error => feed.failure(file.id, error.to_string()),
            }
        } else if prune_records && origin.is_complete() && !feed.control.cancel.is_cancelled() {
            report.deleted += self.prune_records(&file.id, &ids)?;
        }
        Ok(())
    }

    /// Deletes the documents a file of many records no longer has.
    fn prune_records(&self, path: &str, ids: &HashSet<DocumentId>) -> Result<u64> {
        let gone: Vec<DocumentId> =
            documents_of(self.inner, path)?.into_iter().filter(|id| !ids.contains(id)).collect();
        delete_many(self.inner, Some(path), gone)
    }
}

/// Whether the file that an id belongs to is still under its own root.
fn still_there(root: &str, id: &str) -> bool {
    let root = PathBuf::from(root);
    root.is_file() || root.join(id).is_file()
}

/// The documents a file of many records gave.
fn documents_of(inner: &Inner, path: &str) -> Result<Vec<DocumentId>> {
    let prefix = source_prefix(path);
    let mut ids = Vec::new();
    for row in inner.store.prefix(&SOURCE_DOCUMENTS, &prefix) {
        let (key, ()) = row?;
        ids.push(DocumentId::from(key.get(prefix.len()..).unwrap_or_default()));
    }
    Ok(ids)
}

/// Deletes the documents of files that were under `path` and are gone.
fn prune(inner: &Inner, path: &Path, seen: &HashSet<String>) -> Result<u64> {
    let root = path.canonicalize().map_err(Error::io(path))?.to_string_lossy().into_owned();
    let mut deleted = 0;
    for row in inner.store.scan(&SOURCES) {
        let (id, source) = row?;
        if source.root != root || seen.contains(&id) {
            continue;
        }
        let gone = if source.many { documents_of(inner, &id)? } else { vec![DocumentId::from(id.as_str())] };
        deleted += delete_many(inner, source.many.then_some(id.as_str()), gone)?;
        inner.store.commit(move |tx| -> Result<()> {
            tx.remove(&SOURCES, id.as_str())?;
            Ok(())
        })?;
    }
    Ok(deleted)
}
