//! Vectors made later: for documents stored without a model, and anew with another one. Documents are found all the time, by words at least and
//! by the old vectors where there are some, whatever the moment of an interruption.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use neodex::{
    Cancel, Database, DatabaseModel, Document, EmbedError, Embedder, Error, IngestProgress, Mode, Observer, Passages,
    database_model, next_database_model,
};
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
    Database::builder(path).embedder(WordEmbedder { dimension }).replace_model(true).background(false).open().unwrap()
}

/// Presses `cancel` when so many bytes are done.
fn until(cancel: &Cancel, bytes: u64) -> Observer {
    let switch = cancel.clone();
    Arc::new(move |progress: IngestProgress| {
        if progress.source_bytes >= bytes {
            switch.cancel();
        }
    })
}

fn finds_by_meaning(db: &Database, number: usize) -> bool {
    let hits = db.search(format!("number{number}")).mode(Mode::Dense).limit(5).run().unwrap().hits;
    hits.iter().any(|hit| hit.document_id == format!("d{number}").as_str())
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
    let first = db.reembed(&cancel, Some(until(&cancel, 150_000))).unwrap();
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
fn the_old_vectors_serve_until_the_new_ones_are_complete() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let old = || Database::builder(&path).embedder(WordEmbedder { dimension: 64 }).open().unwrap();
    let new: Arc<dyn Embedder> = Arc::new(WordEmbedder { dimension: 32 });
    let db = old();
    db.insert_many((0..DOCUMENTS).map(document)).unwrap();
    let cancel = Cancel::new();
    let first = db.reembed_with(Arc::clone(&new), &cancel, Some(until(&cancel, 150_000))).unwrap();
    assert!(first.cancelled && first.replaced > 0 && first.replaced < DOCUMENTS as u64, "{first:?}");
    check(&db, 64);
    let next = db.stats().unwrap().next_model.unwrap();
    assert!(next.vectors > 0 && next.model.fingerprint == "words-32", "{next:?}");
    drop(db);

    // A process later, the old model is still the database's, and what changes gets its vectors.
    assert!(
        matches!(database_model(&path).unwrap(), DatabaseModel::Made { fingerprint, .. } if fingerprint == "words-64")
    );
    assert!(
        matches!(next_database_model(&path).unwrap(), DatabaseModel::Made { fingerprint, .. } if fingerprint == "words-32")
    );
    let db = old();
    assert!(db.notices().iter().any(|notice| notice.contains("`reembed` goes on")), "{:?}", db.notices());
    check(&db, 64);
    db.insert(document(1).title("changed")).unwrap();
    db.delete("d2").unwrap();
    db.insert(document(2)).unwrap();
    let other_handle = db.clone();
    let second = db.reembed_with(Arc::clone(&new), &Cancel::new(), None).unwrap();
    assert!(!second.cancelled && second.replaced < DOCUMENTS as u64, "the work of before is kept: {second:?}");
    // Handles of before go on with what they know, and what they write is not lost on the new model.
    assert!(finds_by_meaning(&other_handle, 7));
    other_handle.insert(document(1)).unwrap();
    assert!(finds_by_meaning(&other_handle, 1));
    drop((db, other_handle));

    assert!(
        matches!(database_model(&path).unwrap(), DatabaseModel::Made { fingerprint, .. } if fingerprint == "words-32")
    );
    assert_eq!(next_database_model(&path).unwrap(), DatabaseModel::Open);
    let db = Database::builder(&path).embedder(WordEmbedder { dimension: 32 }).background(false).open().unwrap();
    assert_eq!(db.stats().unwrap().pending, db.stats().unwrap().chunks - db.stats().unwrap().vectors);
    assert!(finds_by_meaning(&db, 399));
    db.reembed(&Cancel::new(), None).unwrap();
    check(&db, 32);
    drop(db);

    // There and back again: the first slot, emptied in the background, takes the third model.
    let db = Database::builder(&path).embedder(WordEmbedder { dimension: 32 }).open().unwrap();
    db.reembed_with(Arc::new(WordEmbedder { dimension: 48 }), &Cancel::new(), None).unwrap();
    drop(db);
    let db = Database::builder(&path).embedder(WordEmbedder { dimension: 48 }).open().unwrap();
    check(&db, 48);
}

#[test]
fn another_model_than_the_one_begun_with_begins_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::builder(&path).embedder(WordEmbedder { dimension: 64 }).open().unwrap();
    db.insert_many((0..DOCUMENTS).map(document)).unwrap();
    let cancel = Cancel::new();
    db.reembed_with(Arc::new(WordEmbedder { dimension: 32 }), &cancel, Some(until(&cancel, 150_000))).unwrap();
    let report = db.reembed_with(Arc::new(WordEmbedder { dimension: 16 }), &Cancel::new(), None).unwrap();
    assert_eq!(report.replaced, DOCUMENTS as u64);
    drop(db);
    check(&Database::builder(&path).embedder(WordEmbedder { dimension: 16 }).open().unwrap(), 16);
}

/// A word embedder that stops at a document for good, or fails at all of them.
struct Stubborn {
    words: WordEmbedder,
    all: bool,
}

impl Embedder for Stubborn {
    fn name(&self) -> &str {
        "stubborn"
    }

    fn dimension(&self) -> usize {
        self.words.dimension()
    }

    fn fingerprint(&self) -> String {
        "stubborn".to_owned()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.words.embed_queries(queries)
    }

    fn embed_documents(&self, documents: &[Passages<'_>], window: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let refused = |document: &Passages<'_>| self.all || document.text.contains("number13 ");
        if documents.iter().any(refused) {
            return Err("cannot read it".into());
        }
        self.words.embed_documents(documents, window)
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.words.count_tokens(text)
    }
}

#[test]
fn a_document_that_cannot_be_embedded_is_named_and_waits_and_a_model_that_can_none_does_not_take_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::builder(&path).embedder(WordEmbedder { dimension: 64 }).open().unwrap();
    db.insert_many((0..DOCUMENTS).map(document)).unwrap();
    let stubborn = |all| Arc::new(Stubborn { words: WordEmbedder { dimension: 32 }, all });
    let refused = db.reembed_with(stubborn(true), &Cancel::new(), None).unwrap_err();
    assert!(refused.to_string().contains("cannot read it"), "{refused}");
    assert!(
        matches!(database_model(&path).unwrap(), DatabaseModel::Made { fingerprint, .. } if fingerprint == "words-64")
    );
    let report = db.reembed_with(stubborn(false), &Cancel::new(), None).unwrap();
    assert_eq!(report.failed.iter().map(|failure| failure.source.as_str()).collect::<Vec<_>>(), ["d13"]);
    drop(db);
    let db = Database::builder(&path).shared_embedder(stubborn(false)).open().unwrap();
    let stats = db.stats().unwrap();
    assert_eq!(stats.documents, DOCUMENTS as u64);
    assert!(stats.pending > 0 && finds_by_meaning(&db, 14));
    assert_eq!(db.search("number13").mode(Mode::Lexical).run().unwrap().hits[0].document_id, "d13");
}

/// Counts what it embeds, and takes its time.
struct Slow {
    words: WordEmbedder,
    embedded: Arc<AtomicUsize>,
}

impl Embedder for Slow {
    fn name(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        self.words.dimension()
    }

    fn fingerprint(&self) -> String {
        self.words.fingerprint()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.words.embed_queries(queries)
    }

    fn embed_documents(&self, documents: &[Passages<'_>], window: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        std::thread::sleep(Duration::from_millis(20));
        self.embedded.fetch_add(documents.len(), Ordering::Relaxed);
        self.words.embed_documents(documents, window)
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.words.count_tokens(text)
    }
}

#[test]
fn documents_that_wait_get_their_vectors_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    filled(&path);
    let embedded = Arc::new(AtomicUsize::new(0));
    let open = || {
        let slow = Slow { words: WordEmbedder { dimension: 64 }, embedded: Arc::clone(&embedded) };
        Database::builder(&path).embedder(slow).open().unwrap()
    };
    // Closing does not wait for the end, and what was done is kept.
    drop(open());
    let before = embedded.load(Ordering::Relaxed);
    assert!(before < DOCUMENTS, "{before}");
    let db = open();
    let deadline = Instant::now() + Duration::from_secs(60);
    while db.stats().unwrap().pending > 0 {
        assert_eq!(db.search("number399").mode(Mode::Lexical).run().unwrap().hits[0].document_id, "d399");
        assert!(Instant::now() < deadline, "{:?}", db.stats());
        std::thread::sleep(Duration::from_millis(10));
    }
    db.flush().unwrap();
    check(&db, 64);
    drop(db);
    embedded.store(0, Ordering::Relaxed);
    drop(open());
    assert_eq!(embedded.load(Ordering::Relaxed), 0, "nothing is left to do");
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
