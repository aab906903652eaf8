//! Stopping an ingest loses nothing that was acknowledged, and running it again ends where an uninterrupted run ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Place, Ran};
use serde_json::Value;

const FILES: usize = 3_000;

fn fill(place: &Place) {
    for number in 0..FILES {
        let words: Vec<String> = (0..60).map(|word| format!("w{}", (number * 31 + word * word * 7) % 997)).collect();
        place.write(
            &format!("docs/{}/{number}.md", number % 40),
            format!("# Number {number}\n\n{}.\n", words.join(" ")),
        );
    }
}

/// Every document of a database, through the program.
fn documents(place: &Place, db: &str) -> Vec<Value> {
    // `get` opens the database each time; a sample of all parts of the folder is compared whole.
    (0..FILES)
        .step_by(FILES / 40)
        .map(|number| place.json(0, &["get", "--db", db, &format!("{}/{number}.md", number % 40)]))
        .collect()
}

fn signal(child: u32, name: &str) {
    assert!(Command::new("kill").args([name, &child.to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupted_ingest_continues_where_it_stopped() {
    let place = Place::new();
    fill(&place);
    let whole = place.json(0, &["ingest", "docs", "--db", "whole.db"]);
    assert_eq!(whole["added"], FILES);

    let mut acknowledged = 0;
    for name in ["-INT", "-KILL"] {
        let child = place
            .command(&["ingest", "docs", "--db", "parts.db", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !place.path("parts.db/LOCK").is_file() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let id = child.id();
        signal(id, name);
        let ran: Ran = child.wait_with_output().unwrap().into();
        if name == "-INT" && ran.status != 0 {
            let report = ran.expect(130).json();
            assert_eq!(report["cancelled"], true);
            acknowledged = report["added"].as_u64().unwrap();
            let stored = place.json(0, &["stats", "--db", "parts.db"])["documents"].as_u64().unwrap();
            assert_eq!(stored, acknowledged, "what was counted is what is there");
        }
    }
    let rest = place.json(0, &["ingest", "docs", "--db", "parts.db"]);
    assert!(rest["skipped"].as_u64().unwrap() >= acknowledged, "{rest}");
    assert_eq!(rest["failed"], Value::Array(Vec::new()));

    assert_eq!(documents(&place, "parts.db"), documents(&place, "whole.db"));
    for key in ["documents", "chunks", "text_bytes"] {
        let of = |db| place.json(0, &["stats", "--db", db])[key].clone();
        assert_eq!(of("parts.db"), of("whole.db"), "{key}");
    }
    let found = |db| {
        let results = place.json(0, &["search", "w31", "w7", "--limit", "50", "--db", db]);
        (results["total"].clone(), harness::ids(&results).join(" "))
    };
    assert_eq!(found("parts.db").0, found("whole.db").0);
    place.run(&["verify", "--db", "parts.db"]).expect(0);
}
