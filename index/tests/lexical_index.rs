//! What the lexical index promises about adding, replacing, committing and opening again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lexical_world;

use std::fs;

use lexical_world::{World, metadata};
use neodex_index::lexical::{LexicalChunk, LexicalDocument, LexicalIndex, LexicalQuery, OpenOptions};
use neodex_index::{DocumentKey, Error, Key};
use serde_json::json;

#[test]
fn a_commit_makes_documents_visible_and_notes_the_sequence() {
    let world = World::new();
    assert_eq!(world.opened.watermark, None);
    assert_eq!(world.opened.rebuilt, None);
    assert!(!world.index().pending());
    world.add(0, "Wings", &["lift of a wing", "drag of a wing"], json!({}));
    assert!(world.index().pending());
    assert_eq!(world.found("wing").total, 0);
    world.index().commit(7).unwrap();
    assert!(!world.index().pending());
    assert_eq!(world.index().committed_sequence(), Some(7));
    let hits = world.found("drag");
    assert_eq!((hits.total, hits.documents[0].document, hits.documents[0].best_chunk), (1, DocumentKey(0), Key(1)));
}

#[test]
fn opening_again_finds_the_same_and_what_was_not_committed_is_gone() {
    let mut world = World::new();
    world.add(0, "", &["alpha"], json!({}));
    world.index().commit(3).unwrap();
    world.add(1, "", &["beta"], json!({}));
    world.reopen();
    assert_eq!(world.opened.watermark, Some(3));
    assert_eq!(world.opened.rebuilt, None);
    assert_eq!(world.found("alpha").total, 1);
    assert_eq!(world.found("beta").total, 0);
}

#[test]
fn replaying_after_removing_changes_nothing() {
    let world = World::new();
    for _ in 0..3 {
        for key in [0, 10] {
            world.index().remove(DocumentKey(key));
            world.add(key, "title", &["one text", "another text"], json!({ "n": key }));
        }
        world.index().commit(1).unwrap();
        let hits = world.found("text");
        assert_eq!(hits.total, 2);
        assert_eq!(world.index().stats().documents, 2);
        assert_eq!(world.index().stats().chunks, 4);
    }
}

#[test]
fn a_chunk_s_document_is_known_from_its_commit_until_its_removal_s() {
    let mut world = World::new();
    // In no order, with gaps between, in three commits.
    let documents = [(40, 3), (0, 1), (95, 2), (10, 5), (60, 1), (70, 20), (50, 4)];
    for (at, (key, chunks)) in documents.into_iter().enumerate() {
        world.add(key, "", &vec!["a text"; chunks], json!({}));
        if at % 3 == 2 {
            world.index().commit(at as u64).unwrap();
        }
    }
    assert_eq!(world.index().owners([Key(50)]), [None], "not committed");
    world.index().commit(8).unwrap();
    let check = |world: &World, gone: Option<u64>| {
        let owners = world.index().owners((0..100).map(Key));
        for (chunk, owner) in (0..100).zip(owners) {
            let there = documents.into_iter().find(|&(key, chunks)| (key..key + chunks as u64).contains(&chunk));
            let expected = there.map(|(key, _)| key).filter(|&key| Some(key) != gone);
            assert_eq!(owner, expected.map(DocumentKey), "{chunk}");
        }
    };
    check(&world, None);
    world.index().remove(DocumentKey(70));
    world.index().commit(9).unwrap();
    check(&world, Some(70));
    world.reopen();
    check(&world, Some(70));
}

#[test]
fn a_score_depends_on_what_is_there_and_not_on_how_it_came_there() {
    let direct = World::new();
    let texts = ["wing lift", "wing drag and lift and more words", "heat", "wing wing heat"];
    for (key, text) in texts.iter().enumerate() {
        direct.add(key as u64, "on wings", &[text], json!({}));
    }
    direct.index().commit(1).unwrap();
    let winding = World::new();
    for (key, text) in texts.iter().enumerate() {
        winding.add(100 + key as u64, "wing", &["something else with a wing"], json!({}));
        winding.add(key as u64, "on wings", &[text], json!({}));
        winding.index().commit(1).unwrap();
        winding.index().remove(DocumentKey(100 + key as u64));
    }
    winding.index().commit(2).unwrap();
    assert_eq!(direct.found("wing heat lift"), winding.found("wing heat lift"));
}

type Damage = fn(&[u8]) -> Vec<u8>;

#[test]
fn another_database_another_version_and_rubble_are_emptied_with_a_reason() {
    let mut world = World::new();
    world.add(0, "", &["alpha"], json!({}));
    world.index().commit(3).unwrap();
    world.close();
    world.open_again("another");
    assert!(
        world.opened.rebuilt.as_deref().is_some_and(|reason| reason.contains("another database")),
        "{:?}",
        world.opened
    );
    assert_eq!((world.opened.watermark, world.found("alpha").total), (None, 0));

    let damages: [(&str, Damage); 3] = [
        ("empty", |_| Vec::new()),
        ("halved", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("rubble", |bytes| vec![0xA5; bytes.len()]),
    ];
    for (name, damage) in damages {
        for suffix in ["meta.json", ".term", ".fast", ".fieldnorm"] {
            world.add(0, "", &["alpha"], json!({ "a": 1 }));
            world.index().commit(5).unwrap();
            world.close();
            let mut hit = 0;
            for entry in fs::read_dir(world.folder()).unwrap() {
                let path = entry.unwrap().path();
                if path.to_string_lossy().ends_with(suffix) {
                    let bytes = fs::read(&path).unwrap();
                    fs::write(&path, damage(&bytes)).unwrap();
                    hit += 1;
                }
            }
            assert!(hit > 0, "no {suffix}");
            world.open_again("another");
            assert!(world.opened.rebuilt.is_some(), "{name} {suffix}");
            assert_eq!(world.found("alpha").total, 0);
        }
    }
    world.add(0, "", &["alpha"], json!({}));
    world.index().commit(6).unwrap();
    assert_eq!(world.found("alpha").total, 1);
}

#[test]
fn a_folder_in_use_is_an_error_and_is_not_emptied() {
    let world = World::new();
    world.add(0, "", &["alpha"], json!({}));
    world.index().commit(1).unwrap();
    let second = LexicalIndex::open(world.folder(), OpenOptions::new("database"));
    assert!(matches!(second, Err(Error::Lexical { .. })), "{second:?}");
    assert_eq!(world.found("alpha").total, 1);
}

#[test]
fn verify_names_a_damaged_file() {
    let world = World::new();
    world.add(0, "", &["alpha beta gamma"], json!({}));
    world.index().commit(1).unwrap();
    assert!(world.index().verify().unwrap().is_empty());
    let path = fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().path());
    let path = path.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pos")).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(world.index().verify().unwrap(), [path]);
}

#[test]
fn documents_without_text_and_enormous_words_are_indexed() {
    let world = World::new();
    let nothing = metadata(json!({ "kind": "empty" }));
    world
        .index()
        .add(&LexicalDocument { key: DocumentKey(0), title: "A title", metadata: &nothing, chunks: &[] })
        .unwrap();
    let long = "x".repeat(1 << 20);
    let chunk = [LexicalChunk { headings: "", body: &long }];
    world.index().add(&LexicalDocument { key: DocumentKey(1), title: "", metadata: &nothing, chunks: &chunk }).unwrap();
    world.index().commit(1).unwrap();
    assert_eq!(world.found("title").documents[0].best_chunk, Key(0));
    assert_eq!(world.found(&long[..64]).documents[0].document, DocumentKey(1));
    assert_eq!(world.index().stats().documents, 2);
}

#[test]
fn threads_add_and_search_at_once() {
    let world = World::new();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let world = &world;
            scope.spawn(move || {
                for n in 0..25 {
                    let key = thread * 1000 + n * 2;
                    world.add(key, "", &["shared words", "in two chunks"], json!({}));
                    if n % 10 == 0 {
                        world.index().commit(key).unwrap();
                    }
                    world.index().search(&LexicalQuery::new("shared"), 3).unwrap();
                }
            });
        }
    });
    world.index().commit(1).unwrap();
    assert_eq!(world.found("chunks").total, 100);
    assert!(world.found("chunks").documents.iter().all(|hit| hit.best_chunk.0 == hit.document.0 + 1));
}
