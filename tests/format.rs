//! Databases of every format there has been, committed under `tests/fixtures/`, are opened by this program and answer as they did when they
//! were made; a newer one is refused by name.
//!
//! `cargo test --test format -- --ignored make_fixture` makes the one of the current format; a committed one is never made again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod folders;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use folders::copy;
use neodex::{Config, Database, Document, Heading, Mode, SealPolicy};
use words::WordEmbedder;

/// From this format on the fixtures have segments of vectors.
const FIRST_WITH_SEGMENTS: u32 = 3;

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("format-{format}.db"))
}

fn open(path: &Path) -> Database {
    Database::builder(path).embedder(WordEmbedder::default()).open().unwrap()
}

/// What every fixture holds: short and long texts, headings, metadata of every kind, no text at all, and letters beyond ASCII.
fn documents() -> Vec<Document> {
    let mut documents: Vec<Document> = (0..12)
        .map(|number| {
            let sentence = format!("Note number{number} is about subject{number}, and mentions otters in passing. ");
            Document::new(format!("notes/{number}.md"), sentence.repeat(1 + number as usize * 3))
                .title(format!("Note {number}"))
                .metadata("number", number)
                .metadata("even", number % 2 == 0)
        })
        .collect();
    let chapters: String = (0..400)
        .map(|line| format!("Line{line} of the long book says something about rivers and word{line}.\n"))
        .collect();
    let mut book = Document::new("book", format!("# First\n\n{chapters}")).title("A long book").metadata("score", 0.25);
    book.headings = vec![Heading { level: 1, text: "First".to_owned(), offset: 0 }];
    documents.push(book);
    documents.push(Document::new("empty", "").title("Only a title: heliotrope"));
    documents
        .push(Document::new("größe/日本", "Die Größe der Bären. 検索エンジンは文書を探す。").metadata("lang", "de"));
    documents
}

fn fill(db: &Database) {
    db.insert(Document::new("notes/3.md", "An earlier version that nobody should see again: obsoleteword.")).unwrap();
    db.insert(Document::new("gone", "This was deleted: vanishedword.")).unwrap();
    let report = db.insert_many(documents()).unwrap();
    assert_eq!((report.added, report.replaced), (14, 1));
    db.wait_until_sealed(|_| true).unwrap();
    assert!(db.delete("gone").unwrap());
}

fn check(db: &Database) {
    for document in documents() {
        assert_eq!(db.get(document.id.as_str()).unwrap().as_ref(), Some(&document));
    }
    let first = |query: &str, mode| {
        let results = db.search(query).mode(mode).limit(3).run().unwrap();
        results.hits.first().map(|hit| hit.document_id.to_string())
    };
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        assert_eq!(first("number7 subject7", mode).as_deref(), Some("notes/7.md"), "{mode:?}");
    }
    assert_eq!(first("word317", Mode::Lexical).as_deref(), Some("book"));
    assert_eq!(first("heliotrope", Mode::Lexical).as_deref(), Some("empty"));
    assert_eq!(first("検索", Mode::Lexical).as_deref(), Some("größe/日本"));
    for gone in ["obsoleteword", "vanishedword"] {
        assert_eq!(first(gone, Mode::Lexical), None);
    }
    let even = db.search("").filter("even = true AND number >= 6").limit(20).run().unwrap();
    assert_eq!(even.hits.len(), 3);
    let stats = db.stats().unwrap();
    assert_eq!(stats.documents, 15);
    assert_eq!(stats.vectors, stats.chunks);
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
#[ignore = "makes the fixture of the current format"]
fn make_fixture() {
    let path = fixture(neodex_storage::FORMAT_VERSION);
    assert!(!path.exists(), "a fixture is never made again");
    // So few that there is a segment, and a deleted vector that it walks over.
    let config = Config { sealing: SealPolicy::default().with_seal_at(8), ..Config::default() };
    let db = Database::builder(&path).embedder(WordEmbedder::default()).config(config).open().unwrap();
    fill(&db);
    check(&db);
    assert!(db.stats().unwrap().vector_segments > 0);
}

#[test]
fn every_format_there_has_been_opens_and_answers() {
    let mut formats = 0;
    for format in neodex_storage::OLDEST_FORMAT..=neodex_storage::FORMAT_VERSION {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        copy(&fixture(format), &path);
        let db = open(&path);
        check(&db);
        let stats = db.stats().unwrap();
        assert_eq!(stats.format_version, neodex_storage::FORMAT_VERSION);
        assert_eq!(stats.vector_segments > 0, format >= FIRST_WITH_SEGMENTS);
        let upgraded = db.notices().iter().any(|notice| notice.contains("brought from format"));
        assert_eq!(upgraded, format < neodex_storage::FORMAT_VERSION, "{:?}", db.notices());
        db.insert(Document::new("new", "It can be written to: quokkaword.")).unwrap();
        assert_eq!(db.search("quokkaword").mode(Mode::Lexical).run().unwrap().hits.len(), 1);
        db.delete("new").unwrap();
        drop(db);
        let db = open(&path);
        check(&db);
        assert_eq!(db.notices(), [] as [String; 0]);
        drop(db);
        let snapshot = path.join(format!("before-format-{}.snapshot", neodex_storage::FORMAT_VERSION));
        assert_eq!(snapshot.exists(), upgraded);
        if upgraded {
            neodex::restore(&snapshot, dir.path().join("back"), false, &mut |_| ()).unwrap();
            check(&open(&dir.path().join("back")));
        }
        formats += 1;
    }
    assert!(formats > 1);
}

#[test]
fn a_newer_format_is_refused_by_name_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    copy(&fixture(neodex_storage::FORMAT_VERSION), &path);
    let newer = neodex_storage::FORMAT_VERSION + 1;
    let text = format!("format = {newer}\nanything = else\n");
    fs::write(path.join("FORMAT"), &text).unwrap();
    for refused in [
        Database::builder(&path).embedder(WordEmbedder::default()).open().unwrap_err(),
        neodex::repair(&path, &mut |_, _, _| ()).unwrap_err(),
    ] {
        assert!(refused.to_string().contains(&format!("made by a newer neodex (format {newer}")), "{refused}");
        assert_eq!(refused.kind(), neodex::ErrorKind::Unusable);
    }
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), text);
}
