//! Vectors made later: for documents stored without a model, and anew with another one; found by words all the time, and whatever the moment
//! of an interruption.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use std::path::Path;
use std::sync::Arc;

use neodex::{Cancel, Database, DatabaseModel, Document, Error, IngestProgress, Mode, database_model};
use words::WordEmbedder;

const DOCUMENTS: usize = 400;

fn document(number: usize) -> Document {
    Document::new(format!("d{number}"), format!("entry number{number} says something. ").repeat(1 + number % 40))
}

fn filled(path: &Path) {
    let db = Database::builder(path).without_embedder().open().unwrap();
    assert_eq!(db.insert_many((0..DOCUMENTS).map(document)).unwrap().added, DOCUMENTS as u64);
}

fn open(path: &Path, dimension: usize) -> Database {
    Database::builder(path).embedder(WordEmbedder { dimension }).replace_model(true).open().unwrap()
}

/// Everything is there, has its vector, and is found both ways.
fn check(db: &Database, dimension: usize) {
    let stats = db.stats().unwrap();
    assert_eq!((stats.documents, stats.pending, stats.dimension), (DOCUMENTS as u64, 0, dimension));
    for number in (0..DOCUMENTS).step_by(37) {
        let id = format!("d{number}");
        assert_eq!(db.get(&id).unwrap().unwrap(), document(number));
        for mode in [Mode::Lexical, Mode::Dense] {
            let hits = db.search(format!("number{number}")).mode(mode).limit(DOCUMENTS).run().unwrap().hits;
            assert!(hits.iter().any(|hit| hit.document_id == id.as_str()), "{id} by {mode:?}");
        }
    }
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
fn documents_stored_without_a_model_get_their_vectors_in_as_many_runs_as_it_takes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    filled(&path);
    let without = Database::builder(&path).open().unwrap();
    assert!(matches!(without.reembed(&Cancel::new(), None), Err(Error::NoEmbedder)));
    drop(without);

    let db = open(&path, 64);
    let cancel = Cancel::new();
    let switch = cancel.clone();
    let observer = Arc::new(move |progress: IngestProgress| {
        if progress.source_bytes >= 150_000 {
            switch.cancel();
        }
    });
    let first = db.reembed(&cancel, Some(observer)).unwrap();
    assert!(first.cancelled && first.replaced > 0 && first.replaced < DOCUMENTS as u64, "{first:?}");
    assert_eq!(db.search("number399").run().unwrap().hits[0].document_id, "d399", "found by words meanwhile");
    drop(db);
    let db = open(&path, 64);
    let second = db.reembed(&Cancel::new(), None).unwrap();
    assert_eq!(first.replaced + second.replaced, DOCUMENTS as u64);
    check(&db, 64);
    assert_eq!(db.reembed(&Cancel::new(), None).unwrap().replaced, 0, "nothing is left to do");
}

#[test]
fn another_model_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    filled(&path);
    let db = open(&path, 64);
    db.reembed(&Cancel::new(), None).unwrap();
    check(&db, 64);
    drop(db);

    let refused = Database::builder(&path).embedder(WordEmbedder { dimension: 32 }).open().unwrap_err();
    assert!(matches!(refused, Error::EmbedderMismatch { .. }), "{refused}");
    check(&open(&path, 64), 64);

    let db = open(&path, 32);
    assert_eq!(db.stats().unwrap().vectors, 0);
    assert_eq!(db.search("number7").run().unwrap().hits[0].document_id, "d7", "found by words meanwhile");
    db.reembed(&Cancel::new(), None).unwrap();
    check(&db, 32);
    drop(db);
    check(&open(&path, 32), 32);
    assert!(
        matches!(database_model(&path).unwrap(), DatabaseModel::Made { fingerprint, .. } if fingerprint == "words-32")
    );
}
