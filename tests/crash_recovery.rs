//! A child process ingests and reports what was acknowledged; the parent kills it with SIGKILL at a random moment, opens what is left, and
//! finds every acknowledged document, by both indexes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod words;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use neodex::{Database, Document, Mode};
use words::WordEmbedder;

const ROUNDS: u32 = 20;
const DATABASE: &str = "NEODEX_CRASH_TEST_DATABASE";
const ROUND: &str = "NEODEX_CRASH_TEST_ROUND";

fn open(path: &Path) -> Database {
    Database::builder(path).embedder(WordEmbedder::default()).open().unwrap()
}

/// Every document has a word of its own, `unique…`, and its text says which version it is.
fn document(thread: u32, number: u32, version: u32) -> Document {
    let text = format!("unique{thread}x{number} is document {number} of thread {thread}, version {version}. ");
    Document::new(format!("{thread}/{number}"), text.repeat(1 + number as usize % 60))
}

/// The child: four threads insert, replace and delete until they are killed. `+ id version` and `- id` are acknowledgements; a line with
/// `?` says that the operation is about to be tried.
#[test]
fn child() {
    let (Ok(path), Ok(round)) = (std::env::var(DATABASE), std::env::var(ROUND)) else { return };
    let round: u32 = round.parse().unwrap();
    // The test runner has begun a line, which would swallow the first that is said.
    println!();
    let db = open(Path::new(&path));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let db = db.clone();
            std::thread::spawn(move || {
                let say = |line: String| {
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
                };
                for step in 0u32.. {
                    let number = step % 50;
                    let document = document(thread, number, round * 1_000_000 + step);
                    let id = document.id.clone();
                    if step % 7 == 3 {
                        say(format!("? - {id}"));
                        db.delete(id.as_str()).unwrap();
                        say(format!("! - {id}"));
                    } else {
                        say(format!("? + {id} {}", document.text));
                        db.insert(document.clone()).unwrap();
                        say(format!("! + {id} {}", document.text));
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// What each id may be: its acknowledged state, and the one that was under way when the child died.
#[derive(Default, Clone)]
struct Known {
    acknowledged: Option<String>,
    tried: Option<Option<String>>,
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(DATABASE, &path)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let reader =
            std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).collect::<Vec<_>>());
        // Different moments of the life of a database: opening, first writes, first commits of the word index.
        std::thread::sleep(Duration::from_millis(60 + u64::from(round * round * 37 % 700)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            let mut parts = line.splitn(4, ' ');
            let (Some(mark), Some(sign), Some(id)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let state = (sign == "+").then(|| parts.next().unwrap_or_default().to_owned());
            let entry = known.entry(id.to_owned());
            match mark {
                "?" => entry.or_default().tried = Some(state),
                "!" => {
                    acknowledged += 1;
                    *entry.or_default() = Known { acknowledged: state, tried: None };
                }
                _ => {}
            }
        }
        check(&path, &mut known);
    }
    assert!(acknowledged > 100, "only {acknowledged} operations were acknowledged, which tests nothing");
}

fn check(path: &Path, known: &mut BTreeMap<String, Known>) {
    let db = open(path);
    let mut alive = 0;
    for (id, known) in known.iter_mut() {
        let found = db.get(id).unwrap().map(|document| document.text);
        let as_tried = known.tried.as_ref().is_some_and(|tried| *tried == found);
        assert!(
            found == known.acknowledged || as_tried,
            "{id}: found {found:?}, acknowledged {:?}",
            known.acknowledged
        );
        known.acknowledged = found.clone();
        known.tried = None;
        let word = format!("unique{}", id.replace('/', "x"));
        for mode in [Mode::Lexical, Mode::Dense] {
            let results = db.search(&word).mode(mode).limit(1_000).run().unwrap();
            let hit = results.hits.iter().find(|hit| hit.document_id == id.as_str());
            assert_eq!(hit.is_some(), found.is_some(), "{id} by {mode:?}");
            if let (Some(hit), Some(text)) = (hit, &found) {
                assert_eq!(hit.text, text[hit.span.clone()]);
            }
        }
        alive += u64::from(found.is_some());
    }
    assert_eq!(db.stats().unwrap().documents, alive);
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}
