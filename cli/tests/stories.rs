//! The program as a person uses it: what is printed, and with which status it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn neodex(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().unwrap()
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neodex"));
    command.current_dir(dir).args(args).stdin(Stdio::null()).env("XDG_CACHE_HOME", dir.join("cache"));
    for name in ["NEODEX_DB", "NEODEX_DEVICE"] {
        command.env_remove(name);
    }
    // These stories are about words; those about meaning are in `meaning.rs`.
    command.env("NEODEX_MODEL", "none");
    command
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// A folder with two files and a database of them.
fn library() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    std::fs::write(docs.join("otters.md"), "# Otters\n\nOtters hold hands while they sleep.\n").unwrap();
    std::fs::write(docs.join("badgers.txt"), "Badgers dig their setts at night.").unwrap();
    let ingested = neodex(dir.path(), &["ingest", "docs", "--json"]);
    assert_eq!(status(&ingested), 0, "{}", text(&ingested.stderr));
    let report = json(&ingested);
    assert_eq!((&report["added"], &report["skipped"]), (&2.into(), &0.into()));
    assert_eq!(report["failed"], Value::Array(Vec::new()));
    dir
}

#[test]
fn in_out_and_gone() {
    let dir = library();
    let dir = dir.path();
    let again = json(&neodex(dir, &["ingest", "docs", "--json"]));
    assert_eq!((&again["added"], &again["skipped"]), (&0.into(), &2.into()));

    let found = neodex(dir, &["search", "who", "sleeps", "holding", "hands", "--json", "--explain"]);
    assert_eq!(status(&found), 0);
    let found = json(&found);
    assert_eq!((&found["mode"], &found["total"]), (&"lexical".into(), &1.into()));
    let hit = &found["hits"][0];
    assert_eq!((&hit["document_id"], &hit["title"]), (&"otters.md".into(), &"Otters".into()));
    assert!(hit["explain"]["lexical"]["rank"] == 1 && hit["explain"].get("dense").is_none());
    assert!(hit["highlights"].as_array().unwrap().len() >= 2 && hit["span"].as_array().unwrap().len() == 2);

    let shown = neodex(dir, &["search", "badgers"]);
    assert!(text(&shown.stdout).contains("Badgers dig their setts at night."), "{}", text(&shown.stdout));
    assert!(!text(&shown.stdout).contains('\u{1b}'), "no colours into a pipe");

    let document = json(&neodex(dir, &["get", "otters.md", "--json"]));
    assert_eq!(document["title"], "Otters");
    assert_eq!(json(&neodex(dir, &["stats", "--json"]))["documents"], 2);
    assert_eq!(status(&neodex(dir, &["verify"])), 0);

    assert_eq!(status(&neodex(dir, &["delete", "otters.md"])), 0);
    assert_eq!(status(&neodex(dir, &["get", "otters.md"])), 1);
    assert_eq!(status(&neodex(dir, &["delete", "otters.md"])), 1);
    assert_eq!(status(&neodex(dir, &["search", "otters"])), 1);
}

#[test]
fn a_mistake_ends_with_two_and_says_where() {
    let dir = library();
    let dir = dir.path();
    let bad_filter = neodex(dir, &["search", "otters", "--filter", "year ="]);
    assert_eq!(status(&bad_filter), 2);
    assert!(text(&bad_filter.stderr).contains('^'), "{}", text(&bad_filter.stderr));
    for args in [
        &["search", "otters", "--limit", "0"][..],
        &["search", "otters", "--mode", "psychic"],
        &["search", "otters", "--mode", "dense"],
        &["search", "otters", "--filter", "colour = 'red'"],
        &["search"],
        &["ingest", "nowhere"],
        &["ingest"],
        &["nonsense"],
        &["--db", "missing.db", "search", "otters"],
        &["--model", "missing", "search", "otters"],
        &["--config", "missing.toml", "stats"],
        &["eval", "beir", "docs"],
    ] {
        let output = neodex(dir, args);
        assert_eq!(status(&output), 2, "{args:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{args:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    }
    assert!(!dir.join("missing.db").exists(), "a search makes no database");
}

#[test]
fn a_database_of_another_format_ends_with_three() {
    let dir = library();
    let format = dir.path().join("neodex.db/FORMAT");
    let newer = std::fs::read_to_string(&format).unwrap().replacen("format = 3", "format = 7", 1);
    std::fs::write(format, newer).unwrap();
    let output = neodex(dir.path(), &["stats"]);
    assert_eq!(status(&output), 3, "{}", text(&output.stderr));
}

#[test]
fn a_folder_is_searched_without_further_ado() {
    let dir = library();
    let search = |query: &str| neodex(dir.path(), &["search", query, "--in", "docs", "--json"]);
    assert_eq!(json(&search("badgers"))["hits"][0]["document_id"], "badgers.txt");
    std::fs::remove_file(dir.path().join("docs/badgers.txt")).unwrap();
    assert_eq!(status(&search("badgers")), 1, "what is gone is pruned");
    assert!(dir.path().join("cache/neodex").is_dir());
}

#[test]
fn records_come_through_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), &["ingest", "-", "--metadata", "shelf=pipe", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"{\"_id\":\"a\",\"text\":\"one otter\",\"year\":1999}\nnot json\n{\"text\":\"two otters\"}\n")
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 1, "one line failed");
    let report = json(&output);
    assert_eq!((&report["added"], report["failed"].as_array().unwrap().len()), (&2.into(), 1));
    let found = json(&neodex(dir.path(), &["search", "otter", "--filter", "shelf = 'pipe' AND year < 2000", "--json"]));
    assert_eq!((&found["total"], &found["hits"][0]["document_id"]), (&1.into(), &"a".into()));
}

#[test]
fn a_small_collection_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "corpus.jsonl",
        "{\"_id\":\"1\",\"title\":\"\",\"text\":\"otters sleep\"}\n{\"_id\":\"2\",\"title\":\"\",\"text\":\"badgers dig\"}\n",
    );
    write("queries.jsonl", "{\"_id\":\"q\",\"text\":\"sleeping otter\"}\n");
    write("qrels.tsv", "query-id\tcorpus-id\tscore\nq\t1\t1\n");
    let report = json(&neodex(dir.path(), &["eval", "beir", ".", "--json"]));
    assert_eq!(report["lexical"]["ndcg@10"], 1.0);
    assert!(report["lexical"]["queries_per_second"].as_f64().unwrap() > 0.0);
    assert!(report.get("dense").is_none());
}

#[test]
fn help_lists_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let help = text(&neodex(dir.path(), &["--help"]).stdout);
    for command in [
        "ingest", "search", "get", "delete", "stats", "reembed", "embed", "model", "verify", "eval", "train", "mine",
        "bench",
    ] {
        assert!(help.contains(command), "{command}");
        assert_eq!(status(&neodex(dir.path(), &[command, "--help"])), 0);
    }
}

/// Interrupted in the middle, and run again: the same documents as in one go.
#[cfg(unix)]
#[test]
fn an_interrupted_ingest_continues() {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().join("docs");
    std::fs::create_dir(&docs).unwrap();
    for i in 0..3_000 {
        std::fs::write(docs.join(format!("{i}.txt")), format!("file number{i} says something. ").repeat(1 + i % 50))
            .unwrap();
    }
    for signal in ["-INT", "-KILL"] {
        let child =
            command(dir.path(), &["--db", "parts", "ingest", "docs", "--quiet"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.code().is_none_or(|code| code == 130 || code == 0), "{ended:?}");
    }
    assert_eq!(status(&neodex(dir.path(), &["--db", "parts", "ingest", "docs"])), 0);
    assert_eq!(status(&neodex(dir.path(), &["--db", "whole", "ingest", "docs"])), 0);
    for i in (0..3_000).step_by(97) {
        let get = |db: &str| neodex(dir.path(), &["--db", db, "get", &format!("{i}.txt"), "--json"]).stdout;
        assert_eq!(get("parts"), get("whole"));
    }
    let stats = |db: &str| json(&neodex(dir.path(), &["--db", db, "stats", "--json"]));
    for field in ["documents", "chunks", "text_bytes"] {
        assert_eq!(stats("parts")[field], stats("whole")[field]);
    }
    assert_eq!(status(&neodex(dir.path(), &["--db", "parts", "verify"])), 0);
}
