//! The commands that answer in figures, and the names scripts find them by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::Place;
use serde_json::Value;

#[track_caller]
fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} in {value}");
    }
}

fn collection() -> Place {
    let place = Place::new();
    place.write(
        "tiny/corpus.jsonl",
        concat!(
            "{\"_id\":\"d1\",\"title\":\"Graphs\",\"text\":\"A layered graph for nearest neighbour search\"}\n",
            "{\"_id\":\"d2\",\"title\":\"Terms\",\"text\":\"Rare terms count more than frequent ones\"}\n",
            "{\"_id\":\"d3\",\"title\":\"\",\"text\":\"Bread is baked from flour and water\"}\n",
        ),
    );
    place.write(
        "tiny/queries.jsonl",
        concat!(
            "{\"_id\":\"q1\",\"text\":\"nearest neighbour graph\"}\n",
            "{\"_id\":\"q2\",\"text\":\"what counts more, rare terms?\"}\n",
            "{\"_id\":\"unjudged\",\"text\":\"bread\"}\n",
        ),
    );
    place.write("tiny/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n");
    place
}

#[test]
fn a_collection_is_evaluated() {
    let place = collection();
    let report = place.json(0, &["eval", "beir", "tiny", "--run", "out.run"]);
    assert!(report.get("dense").is_none(), "without a model only words: {report}");
    has(&report["lexical"], &["ndcg@10", "recall@100", "map", "mrr@10", "queries_per_second"]);
    assert_eq!(report["lexical"]["ndcg@10"], 1.0);
    assert_eq!(report["lexical"]["map"], 1.0);
    let run = std::fs::read_to_string(place.path("out.run")).unwrap();
    assert!(run.starts_with("q1 Q0 d1 1 ") && run.contains("\nq2 Q0 d2 1 "), "{run}");
    let table = place.run(&["eval", "beir", "tiny", "--mode", "lexical"]).expect(0).stdout;
    assert!(table.contains("nDCG@10") && table.contains("lexical   1.0000"), "{table}");
    place.run(&["eval", "beir", "tiny", "--mode", "dense"]).expect(2);
    assert!(!place.path("neodex.db").exists(), "the database was a temporary one");
}

#[test]
fn stats_have_their_names() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let stats = place.json(0, &["stats"]);
    has(
        &stats,
        &["documents", "chunks", "vectors", "dimension", "model", "bytes", "segments", "format_version", "sequence"],
    );
    assert_eq!((&stats["documents"], &stats["vectors"], &stats["model"]), (&5.into(), &0.into(), &Value::Null));
    assert!(place.run(&["stats"]).expect(0).stdout.contains("documents"));
}

#[test]
fn an_ingest_ends_with_its_sum() {
    let place = Place::with_docs();
    let report = place.json(0, &["ingest", "docs"]);
    has(&report, &["added", "replaced", "skipped", "failed", "chunks", "tokens", "seconds", "tokens_per_second"]);
    assert!(report["chunks"].as_u64() >= Some(5) && report["tokens"].as_u64() > Some(20), "{report}");
}

#[test]
fn a_sound_database_verifies() {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    let verification = place.json(0, &["verify"]);
    assert_eq!(verification["faults"], Value::Array(Vec::new()));
    assert_eq!(verification["documents"], 5);
    assert!(place.run(&["verify"]).expect(0).stdout.contains("no faults"));
}

#[test]
fn benchmarks_name_the_machine() {
    let place = Place::with_docs();
    let report = place.json(0, &["bench", "ingest", "docs"]);
    has(&report["machine"], &["os", "cores", "build"]);
    assert_eq!((&report["rows"][0]["documents"], &report["rows"][1]["skipped"]), (&5.into(), &5.into()));
    has(&report["rows"][0], &["documents_per_second", "text_mb_per_second", "bytes_on_disk_per_text_byte"]);

    place.run(&["ingest", "docs"]).expect(0);
    place.write("queries.txt", "machine\n\nlayered graph\n");
    let report = place.json(0, &["bench", "search", "--queries", "queries.txt"]);
    assert_eq!(report["rows"].as_array().unwrap().len(), 1);
    assert_eq!((&report["rows"][0]["mode"], &report["rows"][0]["queries"]), (&"lexical".into(), &2.into()));
    has(&report["rows"][0], &["p50_ms", "p90_ms", "p99_ms", "queries_per_second", "queries_per_second_all_threads"]);
    place.write("none.txt", "\n");
    place.run(&["bench", "search", "--queries", "none.txt"]).expect(2);
}

#[test]
fn installed_models_are_listed_by_name() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("data/neodex/models/tiny")).unwrap();
    let list = place.json(0, &["model", "list"]);
    assert!(list.as_array().unwrap().iter().any(|model| model["name"] == "tiny"), "{list}");
    let ran = place.run(&["model", "info", "tiny"]).expect(2);
    assert!(ran.stderr.contains("config.json"), "an empty folder is no model: {}", ran.stderr);
    let ran = place.run(&["model", "info", "large"]).expect(2);
    assert!(ran.stderr.contains("installed: tiny"), "{}", ran.stderr);
}
