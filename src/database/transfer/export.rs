//! Writing an export.

use std::path::Path;

use neodex_index::{DocumentKey, Key};
use serde::Serialize;

use super::jsonl::JsonlWriter;
use super::manifest::{ExportFormat, ExportManifest, NAME, VERSION};
use super::parquet::ParquetWriter;
use super::record::{ChunkRow, DocumentRow};
use crate::chunking::Chunk;
use crate::database::{Database, manifest};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::load;
use crate::schema::{DOCUMENTS, Head};

/// What an export holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Documents written.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// Chunks with a vector.
    pub vectors: u64,
}

/// Where rows go.
pub(super) trait Tables {
    /// Writes a document.
    fn document(&mut self, row: &DocumentRow) -> Result<()>;

    /// Writes a chunk of the document written last.
    fn chunk(&mut self, row: &ChunkRow) -> Result<()>;

    /// Writes everything out.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A document as it was at one moment.
struct Whole {
    document: Document,
    chunks: Vec<Chunk>,
    vectors: Vec<Vec<f32>>,
}

impl Database {
    /// Writes all documents, their chunks and vectors into files in `folder`, which must be empty or not there. Each document is whole, as of
    /// one moment; others may write meanwhile. `export.json` is written last: without it an export is not complete. `progress` hears how
    /// many documents have been written.
    ///
    /// # Errors
    /// [`Error::Argument`] for a folder that is not empty, or a format this build has not; [`Error::Io`]; when a document is damaged.
    pub fn export(
        &self,
        folder: impl AsRef<Path>,
        format: ExportFormat,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Exported> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        if std::fs::read_dir(folder).map_err(Error::io(folder))?.next().is_some() {
            let reason = format!("{} is not empty; name a folder that is, or is not there", folder.display());
            return Err(Error::Argument { field: "export", reason });
        }
        let store = &self.inner.store;
        let fields = store.manifest().fields;
        let dimension = manifest::vectors(&fields).map_or(0, |(dimension, ..)| dimension);
        let mut tables: Box<dyn Tables> = match format {
            ExportFormat::Jsonl => Box::new(JsonlWriter::create(folder)?),
            ExportFormat::Parquet => Box::new(ParquetWriter::create(folder, dimension)?),
        };
        let mut exported = Exported::default();
        for row in store.scan(&DOCUMENTS) {
            let (id, head) = row?;
            let Some(Whole { document, chunks, vectors }) = self.whole(&id, head)? else { continue };
            tables.document(&document.into())?;
            let mut vectors = vectors.into_iter();
            for (number, chunk) in (0..).zip(&chunks) {
                let vector = vectors.next().unwrap_or_default();
                exported.vectors += u64::from(!vector.is_empty());
                tables.chunk(&ChunkRow::new(&id, number, chunk, vector))?;
            }
            exported.documents += 1;
            exported.chunks += chunks.len() as u64;
            progress(exported.documents);
        }
        tables.finish()?;
        let manifest = ExportManifest {
            neodex_export: VERSION,
            format,
            documents: exported.documents,
            chunks: exported.chunks,
            vectors: exported.vectors,
            database: manifest::without_place(&fields),
        };
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(&manifest).map_err(|error| Error::io(&path)(error.into()))?;
        std::fs::write(&path, text + "\n").map_err(Error::io(&path))?;
        Ok(exported)
    }

    /// A document with its chunks and vectors; `None` where it was deleted meanwhile.
    fn whole(&self, id: &str, mut head: Head) -> Result<Option<Whole>> {
        let store = &self.inner.store;
        loop {
            let read = load::document(store, head.version, head.text_bytes);
            let read = read.and_then(|found| found.map(|found| Ok((found, self.vectors_of(&head)?))).transpose());
            // A replacement meanwhile takes rows away: the next head names the new version.
            let Some(now) = load::head(store, id)? else { return Ok(None) };
            if now == head {
                let ((document, chunks), vectors) = read?.ok_or_else(|| Error::Record {
                    what: "document",
                    key: id.to_owned(),
                    reason: "its rows are missing".to_owned(),
                })?;
                return Ok(Some(Whole { document, chunks, vectors }));
            }
            head = now;
        }
    }

    fn vectors_of(&self, head: &Head) -> Result<Vec<Vec<f32>>> {
        let store = &self.inner.store;
        let fields = store.manifest().fields;
        let slot = manifest::slot(&fields);
        let Some((dimension, _, format)) = manifest::vectors(&fields) else { return Ok(Vec::new()) };
        if !head.has_vectors(slot) {
            return Ok(Vec::new());
        }
        let keys = DocumentKey(head.version).keys(head.chunks);
        keys.map(|key| {
            load::row(store, slot, Key(key), format, dimension)?.ok_or_else(|| Error::Record {
                what: "vector",
                key: key.to_string(),
                reason: "its row is missing".to_owned(),
            })
        })
        .collect()
    }
}
