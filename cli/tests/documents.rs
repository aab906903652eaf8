//! The story of a folder: in, found, read back, changed, gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Place, ids};
use serde_json::json;

#[test]
fn a_folder_goes_in_and_its_passages_come_out() {
    let place = Place::with_docs();
    let ran = place.run(&["ingest", "docs"]).expect(0);
    assert!(ran.stdout.contains("5 added, 0 replaced, 0 skipped, 0 failed"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("no model"), "who asked for none need not be told: {}", ran.stderr);

    let ran = place.run(&["search", "nearest", "neighbour"]).expect(0);
    assert!(ran.stdout.contains("hnsw.md") && ran.stdout.contains("HNSW"), "{}", ran.stdout);
    assert!(ran.stdout.contains("layered graph for nearest neighbour search"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\x1b'), "no colours for a pipe: {}", ran.stdout);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);

    let ran = place.run(&["get", "sub/wal.html"]).expect(0);
    assert!(ran.stdout.contains("Write-ahead log") && ran.stdout.contains("The journal is fsynced"), "{}", ran.stdout);
    let document = place.json(0, &["get", "alan"]);
    assert_eq!(document["metadata"], json!({"year": 1936, "lang": "de"}));
    assert_eq!(document["text"], "Alan described a universal machine.");

    place.run(&["delete", "alan", "bm25.txt"]).expect(0);
    place.run(&["get", "alan"]).expect(1);
    place.run(&["delete", "alan"]).expect(1);
    place.run(&["search", "universal machine"]).expect(1);
}

#[test]
fn a_second_run_skips_and_a_changed_file_is_replaced() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let again = place.json(0, &["ingest", "docs"]);
    assert_eq!((&again["added"], &again["replaced"], &again["skipped"]), (&json!(0), &json!(0), &json!(5)));

    place.write("docs/bm25.txt", "Now about zebras.");
    let changed = place.json(0, &["ingest", "docs"]);
    assert_eq!((&changed["replaced"], &changed["skipped"]), (&json!(1), &json!(4)));
    assert_eq!(ids(&place.json(0, &["search", "zebras"])), ["bm25.txt"]);
    place.run(&["search", "rarity of terms"]).expect(1);
}

#[test]
fn what_is_gone_stays_until_pruned() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    place.remove("docs/hnsw.md");
    place.run(&["ingest", "docs"]).expect(0);
    place.run(&["get", "hnsw.md"]).expect(0);
    let pruned = place.json(0, &["ingest", "docs", "--prune"]);
    assert_eq!(pruned["deleted"], 1);
    place.run(&["get", "hnsw.md"]).expect(1);
    assert_eq!(place.json(0, &["stats"])["documents"], 4);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_in() {
    let place = Place::with_docs();
    place.write("docs/broken.jsonl", "{\"id\":\"fine\",\"text\":\"a fine record\"}\nnot json\n");
    place.write("docs/empty.txt", "");
    place.write("docs/latin.txt", b"caf\xe9 au lait");
    let report = place.json(1, &["ingest", "docs"]);
    let failed = report["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{report}");
    assert_eq!(failed[0]["source"], "broken.jsonl#2");
    place.run(&["get", "fine"]).expect(0);
    place.run(&["get", "empty.txt"]).expect(0);
    assert_eq!(ids(&place.json(0, &["search", "lait"])), ["latin.txt"]);
    let ran = place.run(&["ingest", "docs", "--force"]).expect(1);
    assert!(ran.stdout.contains("failed broken.jsonl#2: not JSON"), "{}", ran.stdout);
}

#[test]
fn records_come_through_standard_input() {
    let place = Place::new();
    let lines =
        "{\"uuid\":\"u1\",\"body\":\"walnut cake\",\"minutes\":40}\n{\"uuid\":\"u2\",\"body\":\"lentil soup\"}\n";
    let args = ["ingest", "-", "--id-field", "uuid", "--text-field", "body", "--metadata", "shelf=3", "--json"];
    let report = place.run_with(&args, lines).expect(0).json();
    assert_eq!(report["added"], 2);
    assert_eq!(place.json(0, &["get", "u1"])["metadata"], json!({"minutes": 40, "shelf": 3}));
    assert_eq!(ids(&place.json(0, &["search", "soup", "--filter", "shelf = 3"])), ["u2"]);
    let again = place.run_with(&args, lines).expect(0).json();
    assert_eq!(again["skipped"], 2);
    let unnamed = place.run_with(&["ingest", "-", "--json"], "\n{\"text\":\"no id\"}\n{\"text\"\n").expect(1).json();
    assert_eq!(unnamed["failed"][0]["source"], "stdin#3");
    place.run(&["get", "stdin#2"]).expect(0);
}

#[test]
fn many_are_deleted_by_a_filter() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs", "--metadata", "shelf=top"]).expect(0);
    assert_eq!(place.json(0, &["delete", "--filter", "year < 1900"])["deleted"], 1);
    place.run(&["get", "ada"]).expect(1);
    assert_eq!(place.json(0, &["delete", "--filter", "shelf = 'top'"])["deleted"], 4);
    assert_eq!(place.json(0, &["stats"])["documents"], 0);
    place.run(&["verify"]).expect(0);
}
