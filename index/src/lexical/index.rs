//! The lexical index: add, remove, commit, search. Every method takes `&self` and may be called from any thread.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use roaring::RoaringBitmap;
use tantivy::indexer::UserOperation;
use tantivy::{IndexReader, IndexWriter, TantivyError, Term};

use super::backlog::Backlog;
use super::document::{LexicalDocument, Queued};
use super::facet::Counts;
use super::filter;
use super::generation::Generation;
use super::metadata::FieldType;
use super::options::{OpenOptions, Opened};
use super::query::{ChunkHits, DocumentHits, LexicalQuery};
use super::recovery;
use super::schema::Fields;
use super::search::Matches;
use super::stats::LexicalStats;
use crate::error::{Error, Result};
use crate::filter::Predicate;
use crate::key::{DocumentKey, Key, KeySet};

/// At most this much text waits for tantivy's threads.
const MOST_WAITING: usize = 32 << 20;

/// An index of words over chunks. It is derived data: what was added since the last [`commit`](Self::commit) is gone after a crash.
pub struct LexicalIndex {
    folder: PathBuf,
    database_id: String,
    fields: Fields,
    backlog: Arc<Backlog>,
    /// Adding shares the writer, committing has it alone.
    writer: RwLock<IndexWriter<Queued>>,
    reader: IndexReader,
    generation: RwLock<Arc<Generation>>,
    watermark: RwLock<Option<u64>>,
    pending: AtomicBool,
}

impl std::fmt::Debug for LexicalIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LexicalIndex").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl LexicalIndex {
    /// Opens the index in `folder`, making the folder and the index if they are not there.
    ///
    /// An index of another database or version, or a damaged one, is emptied; [`Opened::rebuilt`] says so and why, and the caller adds
    /// everything again.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Lexical`] when the folder cannot be read or written or another process holds it.
    pub fn open(folder: impl AsRef<Path>, options: OpenOptions) -> Result<(LexicalIndex, Opened)> {
        let folder = folder.as_ref().to_path_buf();
        let (parts, opened) = recovery::open(&folder, &options)?;
        let index = LexicalIndex {
            folder,
            database_id: options.database_id,
            fields: parts.fields,
            backlog: Backlog::new(MOST_WAITING),
            writer: RwLock::new(parts.writer),
            reader: parts.reader,
            generation: RwLock::new(Arc::new(parts.generation)),
            watermark: RwLock::new(opened.watermark),
            pending: AtomicBool::new(false),
        };
        Ok((index, opened))
    }

    /// Adds a document; searches see it after the next commit. Adding the same key twice gives two documents: on replay,
    /// [`remove`](Self::remove) it first. Waits while too much text is queued.
    ///
    /// # Errors
    /// [`Error::Stopped`] after a failure of the indexing threads.
    pub fn add(&self, document: &LexicalDocument<'_>) -> Result<()> {
        self.backlog.wait_for(document.bytes());
        let queued = document.queue(&self.fields, &self.backlog);
        let writer = self.writer.read().unwrap_or_else(PoisonError::into_inner);
        // One batch goes to one thread and one segment, which is what keeps a document's chunks side by side.
        let batch: Vec<UserOperation<Queued>> = queued.into_iter().map(UserOperation::Add).collect();
        self.pending.store(true, Ordering::Release);
        writer.run(batch).map_err(failed("adding a document"))?;
        Ok(())
    }

    /// Removes a document with all its chunks, if it is there, as of the next commit. What is added after this stays.
    pub fn remove(&self, document: DocumentKey) {
        let writer = self.writer.read().unwrap_or_else(PoisonError::into_inner);
        self.pending.store(true, Ordering::Release);
        writer.delete_term(Term::from_field_u64(self.fields.document, document.0));
    }

    /// Makes everything so far durable and visible, and notes that it includes the journal up to `sequence`.
    ///
    /// # Errors
    /// [`Error::Lexical`] when files cannot be written, [`Error::Stopped`] after a failure of the indexing threads. The index should then
    /// be opened again: what was not committed is lost.
    pub fn commit(&self, sequence: u64) -> Result<()> {
        let mut writer = self.writer.write().unwrap_or_else(PoisonError::into_inner);
        self.pending.store(false, Ordering::Release);
        let committed = neodex_guard::call(|| -> tantivy::Result<Generation> {
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&recovery::payload(&self.database_id, sequence));
            commit.commit()?;
            self.reader.reload()?;
            let before = self.generation();
            Generation::open(self.reader.searcher(), &self.fields, Some(&before))
        });
        let generation = committed
            .unwrap_or_else(|panic| Err(TantivyError::InternalError(recovery::panic_message(panic.as_ref()))))
            .map_err(failed("committing"))
            .inspect_err(|_| self.pending.store(true, Ordering::Release))?;
        *self.generation.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(generation);
        *self.watermark.write().unwrap_or_else(PoisonError::into_inner) = Some(sequence);
        Ok(())
    }

    /// The sequence of the last commit.
    pub fn committed_sequence(&self) -> Option<u64> {
        *self.watermark.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything was added or removed since the last commit.
    pub fn pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// The best `limit` documents for `query`, and how many match.
    ///
    /// # Errors
    /// [`Error::Lexical`] or [`Error::Damaged`] when the index's files cannot be read.
    pub fn search(&self, query: &LexicalQuery, limit: usize) -> Result<DocumentHits> {
        self.guarded(|generation| {
            Ok(Matches::find(generation, &self.fields, query).map_err(failed("searching"))?.documents(limit))
        })
    }

    /// The best `limit` chunks for `query`, several of one document if need be, and how many documents match.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn search_chunks(&self, query: &LexicalQuery, limit: usize) -> Result<ChunkHits> {
        self.guarded(|generation| {
            Ok(Matches::find(generation, &self.fields, query).map_err(failed("searching"))?.chunks(limit))
        })
    }

    /// The keys of all chunks of the documents that meet `predicate`.
    ///
    /// # Errors
    /// [`Error::UnknownField`] and [`Error::TypeMismatch`] for a predicate that fits no metadata seen so far; else as
    /// [`search`](Self::search).
    pub fn allowed(&self, predicate: &Predicate) -> Result<KeySet> {
        self.guarded(|generation| {
            filter::check(predicate, &filter::known_fields(generation))?;
            let mut keys = KeySet::new();
            for segment in &generation.segments {
                for row in filter::evaluate(predicate, segment)? {
                    let document = segment.layout.document_of(row);
                    let rows = segment.layout.rows_of(document);
                    keys.insert_range(segment.layout.key_of(document).keys(rows.end - rows.start));
                }
            }
            Ok(keys)
        })
    }

    /// How many documents meet `predicate`.
    ///
    /// # Errors
    /// As [`allowed`](Self::allowed).
    pub fn documents_matching(&self, predicate: &Predicate) -> Result<u64> {
        self.guarded(|generation| {
            filter::check(predicate, &filter::known_fields(generation))?;
            generation.segments.iter().try_fold(0, |sum, segment| Ok(sum + filter::evaluate(predicate, segment)?.len()))
        })
    }

    /// The metadata fields there are, by name, with the types of their values. A field whose last document was removed stays until its
    /// segment is merged.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn fields(&self) -> Result<Vec<(String, Vec<FieldType>)>> {
        self.guarded(|generation| {
            Ok(filter::known_fields(generation)
                .into_iter()
                .map(|(path, kinds)| {
                    let mut types: Vec<FieldType> = kinds.into_iter().map(|kind| kind.field_type()).collect();
                    types.dedup();
                    (path, types)
                })
                .collect())
        })
    }

    /// The `limit` most frequent values of `field` with the number of documents that have each, among the documents that match `query`
    /// and have a chunk in `allowed`.
    ///
    /// # Errors
    /// [`Error::UnknownField`] when no document has the field; else as [`search`](Self::search).
    pub fn facet(
        &self,
        field: &str,
        query: Option<&LexicalQuery>,
        allowed: Option<&KeySet>,
        limit: usize,
    ) -> Result<Vec<(String, u64)>> {
        self.guarded(|generation| {
            filter::kinds_of(field, &filter::known_fields(generation))?;
            let mut rows: Vec<RoaringBitmap> = match query {
                Some(query) => {
                    let mut rows = vec![RoaringBitmap::new(); generation.segments.len()];
                    let matches = Matches::find(generation, &self.fields, query).map_err(failed("searching"))?;
                    matches.each(|at, document, _| {
                        rows[at].insert(generation.segments[at].layout.rows_of(document).start);
                    });
                    rows
                }
                None => generation.segments.iter().map(filter::living).collect(),
            };
            let mut counts = Counts::default();
            for (segment, rows) in generation.segments.iter().zip(&mut rows) {
                if let Some(allowed) = allowed {
                    *rows = rows
                        .iter()
                        .filter(|&row| {
                            let mut chunks = segment.layout.rows_of(segment.layout.document_of(row));
                            chunks.any(|row| allowed.contains(segment.layout.chunk_key(row)))
                        })
                        .collect();
                }
                counts.add(segment, field, rows)?;
            }
            Ok(counts.into_top(limit))
        })
    }

    /// The document of each chunk as of the last commit; `None` for a chunk that is not known (yet).
    pub fn owners(&self, chunks: impl IntoIterator<Item = Key>) -> Vec<Option<DocumentKey>> {
        let generation = self.generation();
        chunks.into_iter().map(|chunk| generation.owner_of(chunk)).collect()
    }

    /// The documents there are as of the last commit, ascending, each with the number of its chunks; at least one, as a document without text
    /// counts as a chunk.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn documents(&self) -> Result<Vec<(DocumentKey, u32)>> {
        self.guarded(|generation| Ok(generation.documents()))
    }

    /// What the index holds and what it costs, as of the last commit.
    pub fn stats(&self) -> LexicalStats {
        let generation = self.generation();
        let bytes = std::fs::read_dir(&self.folder)
            .map(|entries| entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum())
            .unwrap_or(0);
        LexicalStats {
            documents: generation.totals.documents,
            chunks: generation.totals.chunks,
            terms: generation.totals.body_terms,
            segments: generation.segments.len(),
            bytes,
        }
    }

    /// Reads every file of the index against its checksum and returns those that fail.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn verify(&self) -> Result<Vec<PathBuf>> {
        self.guarded(|generation| {
            let index = generation.searcher.index();
            let damaged: HashSet<PathBuf> = index.validate_checksum().map_err(failed("verifying"))?;
            let mut damaged: Vec<PathBuf> = damaged.into_iter().map(|file| self.folder.join(file)).collect();
            damaged.sort();
            Ok(damaged)
        })
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the index. A file damaged since it was opened can panic inside tantivy, which must not take the process along.
    fn guarded<T>(&self, read: impl FnOnce(&Generation) -> Result<T>) -> Result<T> {
        let generation = self.generation();
        neodex_guard::call(|| read(&generation)).unwrap_or_else(|panic| Err(self.damaged(panic.as_ref())))
    }

    fn damaged(&self, panic: &(dyn std::any::Any + Send)) -> Error {
        Error::Damaged { path: self.folder.clone(), reason: recovery::panic_message(panic) }
    }
}

/// The error for a failure of tantivy's.
fn failed(action: &'static str) -> impl FnOnce(TantivyError) -> Error {
    move |source| match source {
        TantivyError::ErrorInThread(_) | TantivyError::Poisoned => Error::Stopped { action },
        source => Error::lexical(action)(source),
    }
}
