//! What a database does about meaning when nobody says anything: with a bundled model it searches by meaning, without one it says that it
//! does not; and what it was made with it keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use neodex::{Database, DatabaseModel, Document, Error, Mode, database_model, has_bundled_model};
use words::WordEmbedder;

fn otter() -> Document {
    Document::new("otter", "Otters hold hands while they sleep.")
}

#[test]
fn without_a_word_about_models_the_bundled_one_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = Database::builder(&path).open().unwrap();
    db.insert(otter()).unwrap();
    let results = db.search("otter").explain().run().unwrap();
    assert_eq!(db.has_embedder(), has_bundled_model());
    assert_eq!(results.mode, if has_bundled_model() { Mode::Hybrid } else { Mode::Lexical });
    assert_eq!(results.notes.is_empty(), has_bundled_model());
    assert_eq!(results.explain.is_some(), has_bundled_model());
    let stats = db.stats().unwrap();
    assert_eq!((stats.vectors, stats.pending), if has_bundled_model() { (1, 0) } else { (0, 1) });
    drop(db);
    match database_model(&path).unwrap() {
        DatabaseModel::Made { name, folder, .. } => assert_eq!((name.as_str(), folder), ("small", None)),
        other => assert!(!has_bundled_model() && other == DatabaseModel::Open, "{other:?}"),
    }
}

#[test]
fn a_database_made_for_words_keeps_to_them_until_it_is_given_a_model() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    Database::builder(&path).without_embedder().open().unwrap().insert(otter()).unwrap();
    assert_eq!(database_model(&path).unwrap(), DatabaseModel::WordsOnly);
    let db = Database::builder(&path).open().unwrap();
    assert!(!db.has_embedder());
    assert_eq!(db.search("otter").run().unwrap().mode, Mode::Lexical);
    assert!(matches!(db.search("otter").mode(Mode::Dense).run(), Err(Error::NoEmbedder)));
    drop(db);

    let db = Database::builder(&path).embedder(WordEmbedder::default()).open().unwrap();
    assert!(db.notices().iter().any(|notice| notice.contains("1 of 1 passages have no vector")), "{:?}", db.notices());
    assert_eq!(db.search("otter").run().unwrap().hits[0].document_id, "otter", "found by words meanwhile");
    drop(db);
    assert!(matches!(database_model(&path).unwrap(), DatabaseModel::Made { name, .. } if name == "words"));
}

#[test]
fn a_database_of_another_model_is_opened_for_words_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    Database::builder(&path).embedder(WordEmbedder::default()).open().unwrap().insert(otter()).unwrap();
    let db = Database::builder(&path).open().unwrap();
    assert!(!db.has_embedder());
    assert!(db.notices().iter().any(|notice| notice.contains("`words`")), "{:?}", db.notices());
    assert_eq!(db.search("otter").run().unwrap().mode, Mode::Lexical);
    drop(db);
    let other = Database::builder(&path).embedder(WordEmbedder { dimension: 32 }).open().unwrap_err();
    assert!(matches!(&other, Error::EmbedderMismatch { .. }) && other.to_string().contains("reembed"), "{other}");
}
