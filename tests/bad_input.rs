//! What people hand in by mistake or in malice gets an answer in words, loses nothing, and never panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::io::Write;
use std::path::Path;

use neodex::{Database, Document, Error, ErrorKind, SyncOptions};

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// What is tested here has nothing to do with meaning, and some of it is large.
fn words_only() -> Database {
    Database::temporary_builder().unwrap().without_embedder().open().unwrap()
}

fn gzip_of_zeros(megabytes: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..megabytes {
        packer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    packer.finish().unwrap()
}

#[test]
fn one_bad_file_does_not_stop_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    write(&files, "good.md", b"# Fine\n\nA perfectly good document about otters.");
    write(&files, "empty.txt", b"");
    write(&files, "latin1.txt", b"caf\xe9 au lait, otters too");
    write(&files, "program.bin", &[0, 159, 146, 150, 0, 0, 1, 2]);
    write(
        &files,
        "broken.jsonl",
        b"{\"id\":\"a\",\"text\":\"otters\"}\n{\"id\":\"b\",\"text\":\n{\"id\":\"c\",\"text\":\"otters again\"}\n",
    );
    write(&files, "bomb.txt.gz", &gzip_of_zeros(1_100));
    write(&files, "cut.html.gz", &gzip_of_zeros(1)[..200]);
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    let report = db.sync(&files, &SyncOptions::default()).unwrap();
    let failed: Vec<&str> = report.failed.iter().map(|failure| failure.source.as_str()).collect();
    assert_eq!(failed, ["bomb.txt.gz", "broken.jsonl#2", "cut.html.gz"]);
    assert_eq!(report.not_text, ["program.bin"], "a binary among others is no failure");
    let named = db.sync(files.join("program.bin"), &SyncOptions::default()).unwrap();
    assert!(named.failed.len() == 1 && named.not_text.is_empty(), "one that was named is: {named:?}");
    assert!(report.failed.iter().all(|failure| failure.reason.len() > 10), "{:?}", report.failed);
    assert_eq!(report.added, 5);
    assert_eq!(db.search("otters").run().unwrap().total, 4);
    assert_eq!(db.get("empty.txt").unwrap().unwrap().text, "");
    assert!(db.get("latin1.txt").unwrap().unwrap().text.starts_with("caf\u{fffd} au lait"));
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
fn records_that_are_no_documents_are_passed_over_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    write(&files, "curve.jsonl", b"{\"step\": 1, \"loss\": 4.2}\n{\"step\": 2, \"loss\": 3.9}\n");
    write(&files, "scores.tsv", b"query-id\tscore\nq1\t1\nq2\t0\n");
    write(&files, "mixed.jsonl", b"{\"note\": 1}\n{\"id\": \"a\", \"text\": \"otters\"}\n{\"note\": 2}\n");
    write(&files, "broken.jsonl", b"{\"note\": 1}\n{\"note\":\n");
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    let report = db.sync(&files, &SyncOptions::default()).unwrap();
    assert_eq!(report.without_text, ["curve.jsonl", "scores.tsv"]);
    let failed: Vec<&str> = report.failed.iter().map(|failure| failure.source.as_str()).collect();
    let each = ["broken.jsonl#1", "broken.jsonl#2", "mixed.jsonl#1", "mixed.jsonl#3"];
    assert_eq!(failed, each, "a file with one document, or with one line nobody can read, is told of in full");
    assert_eq!(report.added, 1);
    let named = db.sync(files.join("curve.jsonl"), &SyncOptions::default()).unwrap();
    assert!(named.failed.len() == 2 && named.without_text.is_empty(), "a file that was named is: {named:?}");
    let mut options = SyncOptions::default();
    options.parse.fields.text = Some("step".to_owned());
    let other = db.sync(&files, &options).unwrap();
    assert!(other.added == 2 && other.without_text.is_empty(), "with a field named nothing is assumed: {other:?}");
}

#[test]
fn a_hundred_megabytes_on_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    std::fs::create_dir(&files).unwrap();
    write(&files, "line.txt", "words without an end ".repeat(5_000_000).as_bytes());
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    let report = db.sync(&files, &SyncOptions::default()).unwrap();
    assert_eq!((report.added, report.failed.len()), (1, 0), "{:?}", report.failed);
    let hit = db.search("without an end").limit(1).run().unwrap().hits.remove(0);
    assert!(hit.text.len() < 10_000, "a passage, not the file");
    assert_eq!(db.get("line.txt").unwrap().unwrap().text.len(), 105_000_000);
    assert!(db.delete("line.txt").unwrap());
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
fn the_last_of_several_with_one_id_counts() {
    let db = words_only();
    let batch = (0..200).map(|version| Document::new("same", format!("version{version} of the only document")));
    let report = db.insert_many(batch).unwrap();
    assert_eq!(report.added + report.replaced + report.skipped, 200);
    assert_eq!(db.get("same").unwrap().unwrap().text, "version199 of the only document");
    assert_eq!(db.stats().unwrap().documents, 1);
    assert_eq!(db.search("only document").run().unwrap().total, 1);
    assert_eq!(db.search("version7").run().unwrap().total, 0);
}

#[test]
fn impossible_documents_are_named() {
    let db = words_only();
    for id in ["", "with\0zero", &"x".repeat(600)] {
        let error = db.insert(Document::new(id, "text")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    }
    let report = db.insert_many(["", "fine"].map(|id| Document::new(id, "text"))).unwrap();
    assert_eq!((report.added, report.failed.len()), (1, 1));
}

#[test]
fn queries_of_any_shape() {
    let db = words_only();
    db.insert(Document::new("a", "an otter swims").metadata("year", 2020)).unwrap();
    let long = (0..10_000).map(|i| format!("word{i} ")).collect::<String>() + "otter";
    assert_eq!(db.search(long).run().unwrap().hits[0].document_id, "a");
    for odd in ["\"unclosed otter", "AND OR NOT (", "\u{0}otter", "*:*", "otter\u{202e}"] {
        db.search(odd).run().unwrap();
    }
    assert_eq!(db.search("the of and").run().unwrap().total, 0);
    for (search, words) in [
        (db.search("otter").limit(0), "limit"),
        (db.search("otter").limit(1_000_000), "limit"),
        (db.search("   "), "nothing to look for"),
        (db.search("otter").filter("colour = 'red'"), "colour"),
        (db.search("otter").filter("year >= "), "filter"),
        (db.search("otter").filter("year = 'a'"), "year"),
        (db.search("otter").facet("colour"), "colour"),
        (db.search("otter").weights(0.0, 0.0), "weights"),
    ] {
        let error = search.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(db.search("otter").mode(neodex::Mode::Dense).run(), Err(Error::NoEmbedder)));
    assert_eq!(db.search("otter").offset(50).run().unwrap().hits, []);
}

#[test]
fn a_database_that_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let missing = Database::builder(&path).create(false).open().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let db = Database::builder(&path).without_embedder().open().unwrap();
    let locked = Database::builder(&path).without_embedder().open().unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Unusable);
    assert!(locked.to_string().contains("already open"), "{locked}");
    drop(db);

    let format = std::fs::read_to_string(path.join("FORMAT")).unwrap();
    write(&path, "FORMAT", format.replacen("format = 3", "format = 999", 1).as_bytes());
    let newer = Database::builder(&path).without_embedder().open().unwrap_err();
    assert_eq!(newer.kind(), ErrorKind::Unusable);
    assert!(newer.to_string().contains("999"), "{newer}");

    write(&path, "FORMAT", &format.as_bytes()[..format.len() - 4]);
    let damaged = Database::builder(&path).without_embedder().open().unwrap_err();
    assert_eq!(damaged.kind(), ErrorKind::Unusable);

    write(&path, "FORMAT", format.as_bytes());
    Database::builder(&path).without_embedder().open().unwrap();
    write(dir.path(), "file", b"not a folder");
    assert!(Database::builder(dir.path().join("file")).open().is_err());
}

#[test]
fn a_lost_or_damaged_word_index_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let open = || Database::builder(&path).without_embedder().open().unwrap();
    open().insert_many((0..300).map(|i| Document::new(format!("{i}"), format!("document number{i}")))).unwrap();
    let lexical = path.join("lexical");
    let damage: [&dyn Fn(); 3] =
        [&|| std::fs::remove_dir_all(&lexical).unwrap(), &|| write(&lexical, "meta.json", b"{"), &|| {
            for entry in std::fs::read_dir(&lexical).unwrap().flatten() {
                if entry.path().extension().is_some_and(|extension| extension == "term") {
                    std::fs::write(entry.path(), b"no").unwrap();
                }
            }
        }];
    for damage in damage {
        damage();
        let db = open();
        assert_eq!(db.notices().len(), 1, "{:?}", db.notices());
        assert_eq!(db.search("number299").run().unwrap().total, 1);
        assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
        drop(db);
        assert!(open().notices().is_empty());
    }
}
