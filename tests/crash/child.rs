//! The process that is killed: writers, a searcher, and one who copies and compacts.

use std::io::Write;
use std::path::Path;

use neodex::{Config, Database, Document, SealPolicy};
use neodex_storage::failpoint;

use crate::model::Random;
use crate::words::WordEmbedder;

/// The argument by which a process knows that it is the child.
pub(crate) const WORD: &str = "child";
/// Threads that write, each its own documents.
const WRITERS: u64 = 3;
/// Documents of each.
const DOCUMENTS: u64 = 40;

/// Opens a database as all of this test does: vectors are sealed into segments all the time.
pub(crate) fn open(path: &Path) -> Database {
    let config = Config { sealing: SealPolicy::default().with_seal_at(64), ..Config::default() };
    Database::builder(path).embedder(WordEmbedder::default()).config(config).open().unwrap()
}

/// Every document has a word of its own, and its text says which version it is. One in fifty is written in several transactions.
fn document(writer: u64, number: u64, version: u64, large: bool) -> Document {
    let sentence = format!("unique{writer}x{number} is document {number} of {writer}, version {version}. ");
    let id = format!("{writer}/{number}");
    if !large {
        return Document::new(id, sentence.repeat(1 + (number * 7 + version) as usize % 60));
    }
    let mut random = Random::new(version);
    let noise: String = (0..90_000).map(|_| format!("{:06x} ", random.below(1 << 24))).collect();
    Document::new(id, sentence + &noise)
}

/// What stands for a text in what is said: a large one would fill the pipe.
pub(crate) fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}:{hash:016x}", text.len())
}

/// Runs until it is killed.
pub(crate) fn run(args: &[String]) {
    let path = Path::new(&args[0]);
    let round: u64 = args[1].parse().unwrap();
    if let [_, _, point, nth] = args {
        failpoint::end_at(point, nth.parse().unwrap());
    }
    let db = open(path);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let db = db.clone();
            scope.spawn(move || write(&db, writer, round));
        }
        let searcher = db.clone();
        scope.spawn(move || {
            for number in 0u64.. {
                searcher.search(format!("unique0x{} version", number % DOCUMENTS)).limit(5).run().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        let copier = db.clone();
        scope.spawn(move || {
            for number in 0u64.. {
                let file = path.with_file_name(format!("{round}-{number}.snapshot"));
                copier.snapshot_create(&file, &mut |_| ()).unwrap();
                say(&format!("! snapshot {}", file.display()));
                copier.compact(&mut |_| ()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(40));
            }
        });
        // Opening and closing is written, too.
        if round % 5 == 4 {
            drop(db);
        }
    });
}

fn write(db: &Database, writer: u64, round: u64) {
    let mut random = Random::new(round * WRITERS + writer + 1);
    for step in 0u64.. {
        let (number, version) = (random.below(DOCUMENTS), round * 1_000_000 + step);
        match random.below(10) {
            0 | 1 => {
                let id = format!("{writer}/{number}");
                say(&format!("? - {id}"));
                db.delete(&id).unwrap();
                say(&format!("! - {id}"));
            }
            2 => {
                let many: Vec<Document> =
                    (0..5).map(|next| document(writer, (number + next) % DOCUMENTS, version, false)).collect();
                let lines: Vec<String> =
                    many.iter().map(|document| format!("+ {} {}", document.id, digest(&document.text))).collect();
                lines.iter().for_each(|line| say(&format!("? {line}")));
                assert!(db.insert_many(many).unwrap().failed.is_empty());
                lines.iter().for_each(|line| say(&format!("! {line}")));
            }
            kind => {
                let document = document(writer, number, version, kind == 3 && random.below(5) == 0);
                let line = format!("+ {} {}", document.id, digest(&document.text));
                say(&format!("? {line}"));
                db.insert(document).unwrap();
                say(&format!("! {line}"));
            }
        }
    }
}

/// One write a line, so that a line is there as a whole or not at all.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
