//! Random inserts, replacements, deletes and reopenings against a plain map: the same documents, the same counts, found by both indexes,
//! and nothing back from the dead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use std::collections::BTreeMap;

use neodex::{Database, Document, Mode};
use proptest::prelude::*;
use words::WordEmbedder;

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u8),
    InsertMany(Vec<(u8, u8)>),
    Delete(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..12, any::<u8>()).prop_map(|(id, content)| Step::Insert(id, content)),
        1 => prop::collection::vec((0u8..12, any::<u8>()), 1..10).prop_map(Step::InsertMany),
        2 => (0u8..12).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ]
}

fn document(id: u8, content: u8) -> Document {
    let sentence = format!("Document number{id} speaks of topic{content} at some length, again and again. ");
    Document::new(format!("doc{id}"), sentence.repeat(1 + usize::from(content) % 40))
        .metadata("topic", i64::from(content))
}

fn open(path: &std::path::Path) -> Database {
    Database::builder(path).embedder(WordEmbedder::default()).open().unwrap()
}

fn check(db: &Database, model: &BTreeMap<u8, Document>) {
    db.flush().unwrap();
    for id in 0..12u8 {
        assert_eq!(db.get(&format!("doc{id}")).unwrap(), model.get(&id).cloned());
        for mode in [Mode::Lexical, Mode::Dense] {
            let results = db.search(format!("number{id}")).mode(mode).limit(20).run().unwrap();
            let found = results.hits.iter().filter(|hit| hit.document_id == format!("doc{id}").as_str()).count();
            assert_eq!(found, usize::from(model.contains_key(&id)), "doc{id} by {mode:?}");
        }
    }
    let stats = db.stats().unwrap();
    assert_eq!(stats.documents, model.len() as u64);
    assert_eq!(stats.vectors, stats.chunks);
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    for (id, document) in model {
        let topic = document.metadata.get("topic").unwrap();
        let by_filter = db.search("").filter(format!("topic = {topic}")).limit(20).run().unwrap();
        assert!(by_filter.hits.iter().any(|hit| hit.document_id == format!("doc{id}").as_str()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_database_is_a_map_that_can_be_searched(steps in prop::collection::vec(step(), 1..14)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut db = open(&path);
        let mut model: BTreeMap<u8, Document> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(id, content) => {
                    db.insert(document(id, content)).unwrap();
                    model.insert(id, document(id, content));
                }
                Step::InsertMany(many) => {
                    let report = db.insert_many(many.iter().map(|&(id, content)| document(id, content))).unwrap();
                    prop_assert_eq!(&report.failed, &[]);
                    prop_assert_eq!(report.added + report.replaced + report.skipped, many.len() as u64);
                    model.extend(many.iter().map(|&(id, content)| (id, document(id, content))));
                }
                Step::Delete(id) => {
                    prop_assert_eq!(db.delete(&format!("doc{id}")).unwrap(), model.remove(&id).is_some());
                }
                Step::Reopen => {
                    drop(db);
                    db = open(&path);
                }
            }
        }
        check(&db, &model);
        drop(db);
        check(&open(&path), &model);
    }
}
