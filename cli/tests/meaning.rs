//! What happens when nobody says a word about models: with a bundled one the program searches by meaning, without one it says that it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Place, ids};
use neodex::{Database, Document, EmbedError, Embedder, Passages, has_bundled_model};

#[test]
fn a_new_database_is_hybrid_where_there_is_a_model() {
    let place = Place::with_docs().with_the_usual_model();
    let ran = place.run(&["ingest", "docs"]).expect(0);
    assert_eq!(ran.stderr.contains("no model"), !has_bundled_model(), "{}", ran.stderr);
    let results = place.json(0, &["search", "universal", "machine", "--explain"]);
    assert_eq!(results["mode"], if has_bundled_model() { "hybrid" } else { "lexical" });
    assert_eq!(ids(&results)[0], "alan");
    assert_eq!(results["explain"]["fusion"].as_str(), has_bundled_model().then_some("auto"));
    let stats = place.json(0, &["stats"]);
    assert_eq!(stats["model"]["name"].as_str(), has_bundled_model().then_some("small"));
    assert_eq!(stats["vectors"], if has_bundled_model() { 5 } else { 0 });
    let ran = place.run(&["search", "universal machine", "--explain"]).expect(0);
    assert_eq!(ran.stderr.contains("auto fusion: dense 0."), has_bundled_model(), "{}", ran.stderr);
}

#[test]
fn none_keeps_to_words_and_the_database_remembers() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let place = place.with_the_usual_model();
    let ran = place.run(&["search", "machine"]).expect(0);
    assert!(ran.stderr.contains("made without"), "{}", ran.stderr);
    assert_eq!(place.json(0, &["search", "machine"])["mode"], "lexical");
    assert_eq!(place.json(0, &["stats"])["vectors"], 0);
    place.run(&["search", "machine", "--mode", "dense"]).expect(2);
}

#[test]
fn the_bundled_model_is_listed_and_described() {
    let place = Place::new().with_the_usual_model();
    let status = if has_bundled_model() { 0 } else { 1 };
    let list = place.json(status, &["model", "list"]);
    assert_eq!(list.as_array().unwrap().iter().any(|model| model["name"] == "small"), has_bundled_model());
    let described = place.run(&["model", "info", "small"]);
    assert_eq!(described.status, if has_bundled_model() { 0 } else { 2 }, "{}", described.stderr);
    assert_eq!(described.stdout.contains("fingerprint"), has_bundled_model(), "{}", described.stdout);
}

/// The bundled model of an earlier program, as far as a database knows of it: the name is the same, the vectors are not.
struct Earlier;

impl Embedder for Earlier {
    fn name(&self) -> &str {
        "small"
    }

    fn dimension(&self) -> usize {
        4
    }

    fn fingerprint(&self) -> String {
        "of an earlier program".to_owned()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(queries.iter().map(|_| vec![0.5; 4]).collect())
    }

    fn embed_documents(&self, documents: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        Ok(documents.iter().map(|document| document.passages.iter().map(|_| vec![0.5; 4]).collect()).collect())
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }
}

#[test]
fn a_newer_bundled_model_says_what_an_older_database_wants() {
    if !has_bundled_model() {
        eprintln!("not run: this build has no bundled model");
        return;
    }
    let place = Place::new().with_the_usual_model();
    let db = Database::builder(place.path("neodex.db")).embedder(Earlier).open().unwrap();
    db.insert(Document::new("engine", "A universal machine computes what any machine can.")).unwrap();
    drop(db);
    let ran = place.run(&["search", "machine"]).expect(0);
    assert!(ran.stderr.contains("earlier bundled model") && ran.stderr.contains("neodex reembed"), "{}", ran.stderr);
    assert!(ran.stdout.contains("universal machine"), "words find it meanwhile: {}", ran.stdout);
    place.run(&["search", "machine", "--mode", "dense"]).expect(2);
    place.run(&["reembed"]).expect(0);
    let ran = place.run(&["search", "machine"]).expect(0);
    assert!(!ran.stderr.contains("no model"), "{}", ran.stderr);
    assert_eq!(place.json(0, &["search", "machine"])["mode"], "hybrid");
}
