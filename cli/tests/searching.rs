//! What a search can be told, and the shape of its answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Place, ids, is_database};
use serde_json::{Value, json};

fn filled() -> Place {
    let place = Place::with_docs();
    place.run(&["ingest", "docs", "-q"]).expect(0);
    place
}

#[test]
fn the_json_has_the_shape_that_scripts_rely_on() {
    let place = filled();
    let results = place.json(0, &["search", "universal", "machine", "--explain"]);
    for key in ["query", "mode", "total", "took_ms", "hits"] {
        assert!(!results[key].is_null(), "{key} in {results}");
    }
    assert_eq!((&results["query"], &results["mode"]), (&json!("universal machine"), &json!("lexical")));
    let hit = &results["hits"][0];
    for key in ["document_id", "chunk_id", "score", "title", "text", "span", "highlights", "metadata", "explain"] {
        assert!(!hit[key].is_null(), "{key} in {hit}");
    }
    assert_eq!(hit["explain"]["lexical"]["rank"], 1);
    let text = hit["text"].as_str().unwrap();
    let range = |pair: &Value| pair[0].as_u64().unwrap() as usize..pair[1].as_u64().unwrap() as usize;
    let words: Vec<&str> = hit["highlights"].as_array().unwrap().iter().map(|pair| &text[range(pair)]).collect();
    assert_eq!(words, ["universal", "machine"]);
    let document = place.json(0, &["get", "alan"]);
    assert_eq!(&document["text"].as_str().unwrap()[range(&hit["span"])], text);
}

#[test]
fn pages_follow_each_other() {
    let place = Place::new();
    for number in 0..7 {
        place.write(&format!("docs/{number}.txt"), format!("apple pie number {number}{}", " and more".repeat(number)));
    }
    place.run(&["ingest", "docs"]).expect(0);
    let all = place.json(0, &["search", "apple", "--limit", "7"]);
    let first = place.json(0, &["search", "apple", "--limit", "4"]);
    let second = place.json(0, &["search", "apple", "--limit", "4", "--offset", "4"]);
    assert_eq!([ids(&first), ids(&second)].concat(), ids(&all));
    assert_eq!([&first["total"], &second["total"]], [7, 7]);
    let beyond = place.run(&["search", "apple", "--offset", "20"]).expect(1);
    assert!(beyond.stderr.contains("only 7 hits"), "{}", beyond.stderr);
}

#[test]
fn filters_and_facets_go_by_metadata() {
    let place = filled();
    let results = place.json(0, &["search", "--filter", "year >= 1900"]);
    assert_eq!(ids(&results), ["alan"]);
    let results = place.json(0, &["search", "program machine", "--facet", "lang"]);
    assert_eq!(results["facets"][0]["field"], "lang");
    assert_eq!(results["facets"][0]["values"].as_array().unwrap().len(), 2);
    let ran = place.run(&["search", "program machine", "--facet", "lang"]).expect(0);
    assert!(ran.stdout.contains("lang: ") && ran.stdout.contains("de (1)"), "{}", ran.stdout);
}

#[test]
fn nothing_found_is_said_and_is_status_one() {
    let place = filled();
    let ran = place.run(&["search", "xylophone"]).expect(1);
    assert!(ran.stderr.contains("nothing was found") && ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(place.json(1, &["search", "xylophone"])["hits"], json!([]));
}

#[test]
fn searching_a_path_brings_it_up_to_date_first() {
    let place = Place::with_docs();
    let ran = place.run(&["search", "--in", "docs", "fsynced"]).expect(0);
    assert!(ran.stdout.contains("sub/wal.html"), "{}", ran.stdout);
    assert!(!is_database(&place.path("neodex.db")), "nothing is left beside the files");
    let caches: Vec<_> =
        std::fs::read_dir(place.path("cache/neodex")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(caches.len() == 1 && is_database(&caches[0]), "{caches:?}");

    place.remove("docs/sub/wal.html");
    place.write("docs/new.md", "A quokka appears.");
    place.run(&["search", "--in", "docs", "fsynced"]).expect(1);
    let absolute = place.path("docs");
    assert_eq!(ids(&place.json(0, &["search", "quokka", "--in", absolute.to_str().unwrap()])), ["new.md"]);
    assert_eq!(std::fs::read_dir(place.path("cache/neodex")).unwrap().count(), 1, "the same path, the same database");

    place.run(&["search", "--in", "docs", "quokka", "--db", "mine.db"]).expect(0);
    assert!(is_database(&place.path("mine.db")));
}

#[test]
fn settings_come_from_flag_then_environment_then_file() {
    let place = filled();
    place.write("neodex.toml", "db = \"neodex.db\"\n[search]\nlimit = 1\nmode = \"lexical\"\n");
    let hits = |extra: &[&str]| {
        let args = [&["search", "program machine"], extra].concat();
        ids(&place.json(0, &args)).len()
    };
    assert_eq!(hits(&[]), 2);
    assert_eq!(hits(&["--config", "neodex.toml"]), 1);
    assert_eq!(hits(&["--config", "neodex.toml", "--limit", "2"]), 2);
    let other =
        place.command(&["search", "machine", "--config", "neodex.toml"]).env("NEODEX_DB", "other.db").output().unwrap();
    assert!(harness::Ran::from(other).expect(2).stderr.contains("other.db"));
    let flag =
        place.command(&["search", "machine", "--db", "neodex.db"]).env("NEODEX_DB", "other.db").output().unwrap();
    harness::Ran::from(flag).expect(0);
}
