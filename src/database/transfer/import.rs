//! Reading an export: documents with the chunks and vectors they had, so that nothing is embedded again.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;

use neodex_storage::{Manifest, Pending, Store, StoreOptions};
use serde::Serialize;

use super::jsonl::JsonlReader;
use super::manifest::{ExportFormat, ExportManifest};
use super::parquet::ParquetReader;
use super::record::{ChunkRow, DocumentRow};
use crate::chunking::Chunk;
use crate::database::{Database, DatabaseBuilder, manifest};
use crate::document::{Document, content_hash};
use crate::error::{Error, Result};
use crate::ingest::control::Cancel;
use crate::ingest::prepare::{Planned, encode, plan};
use crate::ingest::report::Failure;
use crate::ingest::write::{Outcome, Written, commit_version, is_unchanged, stage_large, sweep};
use crate::load;

/// Submissions that wait for their acknowledgement.
const MOST_PENDING: usize = 64;

/// What an import has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Documents that were new.
    pub added: u64,
    /// Documents that took the place of another version.
    pub replaced: u64,
    /// Documents that were there already.
    pub skipped: u64,
    /// Vectors taken over.
    pub vectors: u64,
    /// Documents that could not be taken over.
    pub failed: Vec<Failure>,
    /// Why no vectors were taken over, where there were some.
    pub without_vectors: Option<String>,
    /// Whether it was stopped.
    pub cancelled: bool,
}

impl DatabaseBuilder {
    /// Opens the database for an import of the export in `folder`; one that is not there yet is made with the model and chunking of the export.
    ///
    /// # Errors
    /// As [`DatabaseBuilder::open`], and [`Error::Argument`] where there is no export.
    pub fn open_for_import(self, folder: impl AsRef<Path>) -> Result<Database> {
        let export = ExportManifest::read(folder.as_ref())?;
        if self.creates() && Manifest::read(self.path())?.is_none() {
            let fields = manifest::without_place(&export.database);
            drop(Store::create(self.path(), fields, StoreOptions::new())?);
        }
        self.open()
    }
}

impl Database {
    /// Stores the documents of the export in `folder`, replacing those with the same id. Their chunks and vectors are taken over where the
    /// database has the same model and chunking; otherwise they are chunked, and embedded if there is a model, as if they were new.
    /// `progress` hears how many documents have been read. Running it again continues after an interruption.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is no export or its files are damaged; when the store refuses to write. What was acknowledged is kept.
    pub fn import(&self, folder: impl AsRef<Path>, cancel: &Cancel, progress: &mut dyn FnMut(u64)) -> Result<Imported> {
        let folder = folder.as_ref();
        let export = ExportManifest::read(folder)?;
        let mut import =
            Import { database: self, imported: Imported::default(), dimension: None, pending: VecDeque::new() };
        let fields = self.inner.store.manifest().fields;
        match manifest::same_vectors(&fields, &export.database) {
            Ok(dimension) => import.dimension = Some(dimension),
            Err(reason) if export.vectors > 0 => import.imported.without_vectors = Some(reason),
            Err(_) => {}
        }
        let outcome = match export.format {
            ExportFormat::Jsonl => import.read(
                JsonlReader::open(folder, "documents")?,
                JsonlReader::open(folder, "chunks")?,
                cancel,
                progress,
            ),
            ExportFormat::Parquet => import.read(
                ParquetReader::open(folder, "documents")?,
                ParquetReader::open(folder, "chunks")?,
                cancel,
                progress,
            ),
        };
        let settled = import.settle(0);
        self.wrote();
        outcome.and(settled)?;
        let imported = import.imported;
        let seen = imported.added + imported.replaced + imported.skipped + imported.failed.len() as u64;
        if !imported.cancelled && seen != export.documents {
            let reason = format!("it has {seen} documents where {} were written: it is cut short", export.documents);
            return Err(Error::Argument { field: "import", reason });
        }
        Ok(imported)
    }
}

/// An import under way.
struct Import<'a> {
    database: &'a Database,
    imported: Imported,
    /// Of the vectors, where they are taken over.
    dimension: Option<usize>,
    pending: VecDeque<(String, Pending<Written, Error>)>,
}

impl Import<'_> {
    fn read(
        &mut self,
        documents: impl Iterator<Item = Result<DocumentRow>>,
        chunks: impl Iterator<Item = Result<ChunkRow>>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let mut chunks = chunks.peekable();
        for (number, row) in (1..).zip(documents) {
            if cancel.is_cancelled() {
                self.imported.cancelled = true;
                return Ok(());
            }
            let row = row?;
            let id = row.id.clone();
            let rows = chunks_of(&mut chunks, &id)?;
            match row.into_document() {
                Ok(document) => self.store(document, rows)?,
                Err(error) => self.fail(id, &error),
            }
            progress(number);
        }
        match chunks.next() {
            Some(row) => {
                let reason = format!("it has chunks of {:?}, in another order than the documents", row?.document_id);
                Err(Error::Argument { field: "import", reason })
            }
            None => Ok(()),
        }
    }

    fn store(&mut self, document: Document, rows: Vec<ChunkRow>) -> Result<()> {
        let inner = &self.database.inner;
        let id = document.id.as_str().to_owned();
        let hash = content_hash(&document);
        let vectors: Vec<Vec<f32>> = rows.iter().map(|row| row.vector.clone()).collect();
        let chunks: Option<Vec<Chunk>> = rows.iter().map(|row| row.to_chunk(&document)).collect();
        let has_vectors = !vectors.is_empty() && vectors.iter().all(|vector| !vector.is_empty());
        let wants_vectors = has_vectors && self.dimension.is_some() || inner.embedder.is_some();
        if let Some(head) = load::head(&inner.store, &id)?
            && is_unchanged(&head, hash, wants_vectors.then_some(inner.slot))
        {
            self.imported.skipped += 1;
            return Ok(());
        }
        let permit = Some(inner.budget.take(document.text.len() * 2 + 4_096));
        let prepared = match (self.dimension, chunks) {
            (_, None) => Err(Error::Argument { field: "chunks", reason: "they do not fit its text".to_owned() }),
            (Some(dimension), Some(chunks)) if has_vectors => {
                let tokens = crate::chunking::estimate_tokens(&document.text) as u64;
                let (document, chunks) = (Arc::new(document), chunks.into());
                let planned = Planned { document, chunks, content_hash: hash, permit };
                encode(planned, &vectors, dimension, inner.config.rows, inner.slot, tokens)
            }
            _ => {
                let planned = plan(document, hash, inner.chunker.as_ref(), permit);
                inner.preparer().prepare(vec![planned]).pop().unwrap_or(Err(Error::NoEmbedder))
            }
        };
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.fail(id, &error);
                return Ok(());
            }
        };
        if self.dimension.is_some() {
            self.imported.vectors += prepared.codes.len() as u64;
        }
        let staged = stage_large(&inner.store, &mut prepared)?;
        let outlet = inner.applier.outlet();
        let pending = inner.store.submit(move |tx| commit_version(tx, prepared, staged, outlet));
        self.pending.push_back((id, pending));
        self.settle(MOST_PENDING)
    }

    /// Waits for acknowledgements until at most `left` are pending.
    fn settle(&mut self, left: usize) -> Result<()> {
        while self.pending.len() > left {
            let Some((_, pending)) = self.pending.pop_front() else { break };
            let written = pending.wait()?.value;
            if let Some(version) = written.sweep {
                sweep(&self.database.inner.store, version)?;
            }
            match written.outcome {
                Outcome::Added => self.imported.added += 1,
                Outcome::Replaced => self.imported.replaced += 1,
                Outcome::Skipped => self.imported.skipped += 1,
            }
        }
        Ok(())
    }

    fn fail(&mut self, id: String, error: &Error) {
        self.imported.failed.push(Failure { source: id, reason: error.to_string() });
    }
}

/// The chunks of a document, which come in the order of the documents.
fn chunks_of(chunks: &mut Peekable<impl Iterator<Item = Result<ChunkRow>>>, id: &str) -> Result<Vec<ChunkRow>> {
    let mut rows = Vec::new();
    while let Some(row) = chunks.next_if(|row| row.as_ref().map_or(true, |row| row.document_id == id)) {
        rows.push(row?);
    }
    Ok(rows)
}
