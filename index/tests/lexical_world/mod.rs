//! A lexical index in a temporary folder, and the shorthand the tests talk to it in.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use neodex_index::DocumentKey;
use neodex_index::lexical::{
    DocumentHits, LexicalChunk, LexicalDocument, LexicalIndex, LexicalQuery, OpenOptions, Opened,
};
use serde_json::{Map, Value};

pub(crate) struct World {
    index: Option<LexicalIndex>,
    pub(crate) opened: Opened,
    folder: tempfile::TempDir,
}

pub(crate) fn metadata(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("metadata is an object")
}

impl World {
    pub(crate) fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let (index, opened) = LexicalIndex::open(folder.path(), OpenOptions::new("database")).unwrap();
        World { index: Some(index), opened, folder }
    }

    pub(crate) fn index(&self) -> &LexicalIndex {
        self.index.as_ref().expect("the index is open")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn close(&mut self) {
        self.index = None;
    }

    pub(crate) fn open_again(&mut self, database_id: &str) {
        let (index, opened) = LexicalIndex::open(self.folder.path(), OpenOptions::new(database_id)).unwrap();
        self.index = Some(index);
        self.opened = opened;
    }

    pub(crate) fn reopen(&mut self) {
        self.close();
        self.open_again("database");
    }

    pub(crate) fn add(&self, key: u64, title: &str, bodies: &[&str], fields: Value) {
        let chunks: Vec<LexicalChunk<'_>> = bodies.iter().map(|body| LexicalChunk { headings: "", body }).collect();
        let fields = metadata(fields);
        let document = LexicalDocument { key: DocumentKey(key), title, metadata: &fields, chunks: &chunks };
        self.index().add(&document).unwrap();
    }

    pub(crate) fn found(&self, query: &str) -> DocumentHits {
        self.index().search(&LexicalQuery::new(query), 10).unwrap()
    }
}
