//! What an index says of the database it was made from, for when that is damaged: an independent list of what was in it.

use std::path::Path;

use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, ReloadPolicy};

use super::generation::Generation;
use super::recovery::{Payload, read_payload};
use super::schema;
use crate::key::DocumentKey;

/// How far the index in `folder` had come: the id of its database, and the last transaction that is in it. `None` where there is none, or
/// its list of segments cannot be read. Nothing but that list is read.
#[must_use]
pub fn last_commit(folder: &Path) -> Option<(String, u64)> {
    let list = std::fs::read(folder.join("meta.json")).ok()?;
    let list: serde_json::Value = serde_json::from_slice(&list).ok()?;
    let payload = read_payload(list.get("payload")?.as_str()?).ok()?;
    Some((payload.database_id, payload.sequence))
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The id of the database.
    pub database_id: String,
    /// Everything up to this transaction is in the index.
    pub sequence: u64,
    /// The keys of the documents that were there then, ascending.
    pub documents: Vec<DocumentKey>,
}

impl Witness {
    /// Asks the index in `folder`, which is only read. `None` where there is none, or it cannot be read.
    #[must_use]
    pub fn ask(folder: &Path) -> Option<Self> {
        // Damaged files can panic inside tantivy.
        neodex_guard::call(|| read(folder).ok().flatten()).ok().flatten()
    }
}

fn read(folder: &Path) -> tantivy::Result<Option<Witness>> {
    let directory = MmapDirectory::open(folder)?;
    if !Index::exists(&directory)? {
        return Ok(None);
    }
    let index = Index::open(directory)?;
    let (expected, fields) = schema::build();
    let metas = index.load_metas()?;
    let payload = metas.payload.as_deref().and_then(|payload| read_payload(payload).ok());
    let Some(Payload { database_id, sequence }) = payload.filter(|_| index.schema() == expected) else {
        return Ok(None);
    };
    let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let generation = Generation::open(reader.searcher(), &fields, None)?;
    let documents = generation.documents().into_iter().map(|(key, _)| key).collect();
    Ok(Some(Witness { database_id, sequence, documents }))
}
