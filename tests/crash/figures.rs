//! Figures, by hand: how long a large database takes to open after a crash, and what it takes on the disk while everything in it is replaced.
//!
//! `cargo test --test crash -- --reopen 100000` and `cargo test --test crash -- --churn 20000`. Times are of the processor, as other programs may
//! run beside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use neodex::{Database, Document, Health, Mode};

use crate::child::open;
use crate::model::Random;

/// The argument of the process that fills a database to be killed.
pub(crate) const FILL: &str = "fill";
/// Documents stored at once.
const TOGETHER: u64 = 2_000;

/// A document of one chunk with about 700 bytes of text.
fn document(number: u64, version: u64) -> Document {
    let mut random = Random::new(number * 1_000 + version + 1);
    let words: String = (0..100).map(|_| format!("w{} ", random.below(40_000))).collect();
    Document::new(format!("doc{number}"), format!("unique{number} {words}"))
}

fn fill(db: &Database, documents: u64, version: u64) {
    for first in (0..documents).step_by(TOGETHER as usize) {
        let many = (first..documents.min(first + TOGETHER)).map(|number| document(number, version));
        assert!(db.insert_many(many).unwrap().failed.is_empty());
    }
}

/// The child: fills the database, says so, and goes on writing until it is killed.
pub(crate) fn run(args: &[String]) {
    let documents: u64 = args[1].parse().unwrap();
    let db = open(Path::new(&args[0]));
    fill(&db, documents, 0);
    println!("filled");
    for number in (0..documents).cycle() {
        db.insert(document(number, 1)).unwrap();
    }
}

/// Opens what a killed process has left.
pub(crate) fn reopen(documents: u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(FILL)
        .arg(&path)
        .arg(documents.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    child.kill().unwrap();
    child.wait().unwrap();
    for what in ["after a kill", "after closing"] {
        let (wall, processor) = (Instant::now(), processor_time());
        let db = open(&path);
        println!(
            "{documents} chunks, {what}: open after {:.2} s of the processor, {:.2} s by the clock; {} bytes in the store",
            (processor_time() - processor).as_secs_f64(),
            wall.elapsed().as_secs_f64(),
            db.stats().unwrap().bytes.store,
        );
        let hits = db.search("unique7").mode(Mode::Lexical).limit(1).run().unwrap().hits;
        assert_eq!(hits[0].document_id, "doc7");
        while db.health() == Health::Checking {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!(
            "checked after {:.2} s of the processor: {:?}",
            (processor_time() - processor).as_secs_f64(),
            db.health()
        );
    }
}

/// Replaces everything, again and again, then compacts.
pub(crate) fn churn(documents: u64) {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("db"));
    let say = |what: String| {
        let stats = db.stats().unwrap();
        // The text that is there, and the full vectors and codes of its chunks.
        let live = stats.text_bytes + stats.vectors * (64 * 3 + 8);
        let per = |bytes: u64| bytes as f64 / live as f64;
        println!(
            "{what}: {live} live bytes; store {:.2}, word index {:.2}, together {:.2} bytes a live byte",
            per(stats.bytes.store),
            per(stats.bytes.lexical),
            per(stats.bytes.total)
        );
    };
    fill(&db, documents, 0);
    say("written once".to_owned());
    for version in 1..=8 {
        fill(&db, documents, version);
        if version.is_power_of_two() {
            say(format!("replaced {version} times"));
        }
    }
    db.compact(&mut |_| ()).unwrap();
    say("compacted".to_owned());
    for number in 0..documents * 9 / 10 {
        db.delete(&format!("doc{number}")).unwrap();
    }
    say("nine in ten deleted".to_owned());
    db.compact(&mut |_| ()).unwrap();
    say("compacted".to_owned());
}

/// Time of the processor that this process has had.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |at: usize| after_name.split_whitespace().nth(at).and_then(|ticks| ticks.parse::<u64>().ok());
    // In hundredths of a second, wherever Linux runs.
    Duration::from_millis(10 * (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()))
}
