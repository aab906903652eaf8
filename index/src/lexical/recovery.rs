//! Opening whatever lies in the folder: this database's index, another's, an older one's, or rubble.
//!
//! The index can be made again, so nothing found here is an error. The only errors are those that making it again would meet too: a
//! folder that cannot be written, or one that another process is writing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::index::SegmentComponent;
use tantivy::indexer::LogMergePolicy;
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term};

use super::analyzer::WordTokenizer;
use super::document::Queued;
use super::generation::Generation;
use super::options::{OpenOptions, Opened};
use super::schema::{self, Fields};
use crate::error::{Error, Result};

/// Less than this a thread tantivy refuses.
const LEAST_BUDGET: usize = 15_000_000;
/// A segment with more than this part deleted is merged away.
const MOST_DELETED: f32 = 0.3;

/// An index opened for reading and writing.
pub(super) struct Parts {
    pub(super) fields: Fields,
    pub(super) writer: IndexWriter<Queued>,
    pub(super) reader: IndexReader,
    pub(super) generation: Generation,
    pub(super) watermark: Option<u64>,
}

/// What comes of one attempt.
enum Attempt {
    Opened(Box<Parts>),
    /// The folder holds something else than this database's index.
    Unusable(String),
    /// Emptying the folder would not help.
    Failed(Error),
}

/// Opens the index in `folder`, emptying the folder first if it has to.
pub(super) fn open(folder: &Path, options: &OpenOptions) -> Result<(Parts, Opened)> {
    fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })?;
    let reason = match attempt(folder, options) {
        Attempt::Opened(parts) => {
            let opened = Opened { watermark: parts.watermark, rebuilt: None };
            return Ok((*parts, opened));
        }
        Attempt::Failed(error) => return Err(error),
        Attempt::Unusable(reason) => reason,
    };
    empty(folder)?;
    match attempt(folder, options) {
        Attempt::Opened(parts) => Ok((*parts, Opened { watermark: None, rebuilt: Some(reason) })),
        Attempt::Failed(error) => Err(error),
        Attempt::Unusable(reason) => Err(Error::Damaged { path: folder.to_path_buf(), reason }),
    }
}

/// The payload of a commit.
pub(super) fn payload(database_id: &str, sequence: u64) -> String {
    json!({ "database": database_id, "sequence": sequence, "schema": schema::VERSION }).to_string()
}

/// Tries once. Damaged files can panic inside tantivy, which counts as damage.
fn attempt(folder: &Path, options: &OpenOptions) -> Attempt {
    match neodex_guard::call(|| open_once(folder, options)) {
        Ok(Ok(attempt)) => attempt,
        Ok(Err(error @ TantivyError::LockFailure(LockError::LockBusy, _))) => {
            Attempt::Failed(Error::lexical("locking its folder, which another process is using")(error))
        }
        Ok(Err(error @ (TantivyError::OpenDirectoryError(_) | TantivyError::LockFailure(..)))) => {
            Attempt::Failed(Error::lexical("opening its folder")(error))
        }
        Ok(Err(error)) => Attempt::Unusable(error.to_string()),
        Err(panic) => Attempt::Unusable(panic_message(panic.as_ref())),
    }
}

fn open_once(folder: &Path, options: &OpenOptions) -> tantivy::Result<Attempt> {
    let (schema, fields) = schema::build();
    let directory = MmapDirectory::open(folder)?;
    let index = if Index::exists(&directory)? {
        Index::open(directory)?
    } else if fs::read_dir(folder)?.next().is_some_and(|_| has_files(folder)) {
        return Ok(Attempt::Unusable("its list of segments is missing".to_owned()));
    } else {
        Index::create(directory, schema.clone(), tantivy::IndexSettings::default())?
    };
    if index.schema() != schema {
        return Ok(Attempt::Unusable("it has the fields of another version".to_owned()));
    }
    let metas = index.load_metas()?;
    // tantivy opens some of them only when a query needs them.
    for segment in &metas.segments {
        let needed = [
            SegmentComponent::Postings,
            SegmentComponent::Positions,
            SegmentComponent::FastFields,
            SegmentComponent::FieldNorms,
            SegmentComponent::Terms,
            SegmentComponent::Store,
        ];
        let mut missing = needed.into_iter().map(|component| segment.relative_path(component));
        if let Some(file) = missing.find(|file| !folder.join(file).exists()) {
            return Ok(Attempt::Unusable(format!("its file {} is missing", file.display())));
        }
    }
    let watermark = match metas.payload.as_deref() {
        Some(payload) => match read_payload(payload) {
            Ok(Payload { database_id, .. }) if database_id != options.database_id => {
                return Ok(Attempt::Unusable(format!("it belongs to another database, {database_id}")));
            }
            Ok(payload) => Some(payload.sequence),
            Err(reason) => return Ok(Attempt::Unusable(reason)),
        },
        None if metas.segments.is_empty() => None,
        None => return Ok(Attempt::Unusable("its commit does not say which database it belongs to".to_owned())),
    };
    index.tokenizers().register(schema::TOKENIZER, WordTokenizer::default());
    let threads = options.threads.clamp(1, 8);
    let budget = (options.memory_budget_bytes / threads).max(LEAST_BUDGET) * threads;
    let writer = index.writer_with_num_threads(threads, budget)?;
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(MOST_DELETED);
    writer.set_merge_policy(Box::new(policy));
    // tantivy numbers the first operation of a writer like the last commit. A merge that begins before the next commit takes a removal of that
    // number for done in segments that the last commit touched, and forgets it for good: so it is one that nothing needs.
    writer.delete_term(Term::from_field_u64(fields.document, u64::MAX));
    let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let generation = Generation::open(reader.searcher(), &fields, None)?;
    Ok(Attempt::Opened(Box::new(Parts { fields, writer, reader, generation, watermark })))
}

/// What a commit says of itself.
pub(super) struct Payload {
    pub(super) database_id: String,
    pub(super) sequence: u64,
}

/// The payload of a commit of this version, or what is wrong with it.
pub(super) fn read_payload(payload: &str) -> std::result::Result<Payload, String> {
    let payload: Value = serde_json::from_str(payload).map_err(|_| "its commit payload is unreadable".to_owned())?;
    let database_id = payload.get("database").and_then(Value::as_str);
    let database_id =
        database_id.ok_or_else(|| "its commit does not say which database it belongs to".to_owned())?.to_owned();
    match payload.get("schema").and_then(Value::as_u64) {
        Some(version) if version == u64::from(schema::VERSION) => {}
        _ => return Err(format!("it was made by another version; this one makes version {}", schema::VERSION)),
    }
    let sequence = payload.get("sequence").and_then(Value::as_u64);
    let sequence = sequence.ok_or_else(|| "its commit has no sequence".to_owned())?;
    Ok(Payload { database_id, sequence })
}

/// Whether the folder holds any file but lock files, which outlive a first open that was cut short.
fn has_files(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().is_file() && !entry.file_name().to_string_lossy().ends_with(".lock"))
    })
}

/// Removes the files in `folder`; folders in it are not ours.
fn empty(folder: &Path) -> Result<()> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    };
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if !path.is_dir() {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(())
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    said.unwrap_or_else(|| "reading it failed".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::Map;
    use tantivy::index::SegmentId;
    use tantivy::indexer::{NoMergePolicy, UserOperation};

    use super::*;
    use crate::key::DocumentKey;
    use crate::lexical::backlog::Backlog;
    use crate::lexical::{LexicalChunk, LexicalDocument};

    /// Opens what is in the folder. Nothing is merged unless it is asked for.
    fn opened(folder: &Path) -> Parts {
        let options = OpenOptions { threads: 1, ..OpenOptions::new("database") };
        let (parts, _) = open(folder, &options).unwrap();
        parts.writer.set_merge_policy(Box::new(NoMergePolicy));
        parts
    }

    impl Parts {
        fn add(&self, key: u64) {
            let chunks = [LexicalChunk { headings: "", body: "a few words" }];
            let document = LexicalDocument { key: DocumentKey(key), title: "", metadata: &Map::new(), chunks: &chunks };
            let queued = document.queue(&self.fields, &Backlog::new(1 << 20));
            self.writer.run(queued.into_iter().map(UserOperation::Add).collect::<Vec<_>>()).unwrap();
        }

        fn remove(&self, key: u64) {
            self.writer.delete_term(Term::from_field_u64(self.fields.document, key));
        }

        /// Commits, and gives the segments: how many documents live in each, and whether this commit removed some of it.
        fn commit(&mut self) -> Vec<(SegmentId, u32, bool)> {
            let mut commit = self.writer.prepare_commit().unwrap();
            commit.set_payload(&payload("database", 1));
            let number = commit.commit().unwrap();
            let metas = self.writer.index().load_metas().unwrap();
            let touched = |meta: &tantivy::index::SegmentMeta| meta.delete_opstamp() == Some(number);
            metas.segments.iter().map(|meta| (meta.id(), meta.num_docs(), touched(meta))).collect()
        }
    }

    #[test]
    fn the_first_removal_after_opening_outlives_a_merge_that_is_older_than_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let mut parts = opened(folder.path());
        parts.add(1);
        parts.add(2);
        parts.commit();
        parts.add(3);
        parts.commit();
        parts.remove(2);
        let segments = parts.commit();
        let (touched, other) =
            (segments.iter().find(|it| it.2).unwrap().0, segments.iter().find(|it| !it.2).unwrap().0);
        assert_eq!(segments.len(), 2, "{segments:?}");
        drop(parts);

        let mut parts = opened(folder.path());
        parts.remove(1);
        // The merged segment goes on with the removals where the first one stood.
        parts.writer.merge(&[other, touched]).wait().unwrap();
        let segments = parts.commit();
        let living: Vec<u32> = segments.iter().map(|it| it.1).collect();
        assert_eq!(living, [1], "of three documents two were removed: {segments:?}");
    }
}
