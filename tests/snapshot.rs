//! Snapshots, restores, compactions, exports and imports: what went in comes out, while others write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use neodex::{Cancel, Database, Document, ErrorKind, ExportFormat, Heading, Mode, restore};
use tempfile::TempDir;
use words::WordEmbedder;

fn open(path: &Path) -> Database {
    Database::builder(path).embedder(WordEmbedder::default()).open().unwrap()
}

fn document(number: u32, version: u32) -> Document {
    let sentence = format!("Document unique{number} speaks of topic{version}, and of rivers and otters as well. ");
    let mut document = Document::new(format!("doc/{number:03}"), sentence.repeat(1 + number as usize % 50))
        .title(format!("Title {number}"))
        .metadata("version", version)
        .metadata("share", f64::from(number) / 7.0);
    if number.is_multiple_of(3) {
        document.headings = vec![Heading { level: 2, text: "Document".to_owned(), offset: 0 }];
    }
    document
}

fn fill(db: &Database, documents: u32) {
    db.insert_many((0..documents).map(|number| document(number, 0))).unwrap();
    db.insert_many((0..documents).step_by(4).map(|number| document(number, 1))).unwrap();
    for number in (0..documents).step_by(10) {
        db.delete(&format!("doc/{number:03}")).unwrap();
    }
}

fn contents(db: &Database) -> BTreeMap<String, Document> {
    let ids = db.document_ids().unwrap();
    ids.iter().map(|id| (id.to_string(), db.get(id.as_str()).unwrap().unwrap())).collect()
}

/// A database of documents in a folder of its own, and what is in it.
fn filled() -> (TempDir, Database, BTreeMap<String, Document>) {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("db"));
    fill(&db, 100);
    let before = contents(&db);
    (dir, db, before)
}

/// Whole in itself, and found by both indexes.
fn check(db: &Database) {
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    for (id, document) in contents(db).iter().step_by(7) {
        let word = document.text.split(' ').nth(1).unwrap().to_owned();
        for mode in [Mode::Lexical, Mode::Dense] {
            let results = db.search(&word).mode(mode).limit(40).run().unwrap();
            assert!(results.hits.iter().any(|hit| hit.document_id == id.as_str()), "{word} by {mode:?}");
        }
    }
}

/// Runs `work` while two threads insert, replace and delete.
fn while_others_write<T>(db: &Database, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..2u32 {
            let (db, done) = (db.clone(), &done);
            scope.spawn(move || {
                for step in 0u32.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let number = 200 + thread * 100 + step % 30;
                    if step % 5 == 4 {
                        db.delete(&format!("doc/{number:03}")).unwrap();
                    } else {
                        db.insert(document(number, step)).unwrap();
                    }
                }
            });
        }
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

#[test]
fn a_snapshot_taken_while_others_write_is_a_sound_database() {
    let (dir, db, before) = filled();
    let file = dir.path().join("db.snapshot");
    let snapshot = while_others_write(&db, || db.snapshot_create(&file, &mut |_| ()).unwrap());
    assert_eq!(std::fs::metadata(&file).unwrap().len(), snapshot.bytes);
    let copy_path = dir.path().join("copy");
    restore(&file, &copy_path, false, &mut |_| ()).unwrap();
    let copy = open(&copy_path);
    check(&copy);
    let after = contents(&copy);
    assert!(before.iter().all(|(id, document)| after.get(id) == Some(document)), "nobody wrote to those");
    assert_eq!(copy.stats().unwrap().sequence, snapshot.sequence);
    drop(copy);
    let refused = restore(&file, &copy_path, false, &mut |_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Input, "{refused}");

    let mut bytes = Vec::new();
    db.snapshot_write(&mut bytes, &mut |_| ()).unwrap();
    std::fs::write(&file, &bytes).unwrap();
    restore(&file, &copy_path, true, &mut |_| ()).unwrap();
    let copy = open(&copy_path);
    check(&copy);
    assert_eq!(contents(&copy), contents(&db));
}

#[test]
fn compacting_changes_nothing_but_the_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = open(&path);
    for version in 0..6 {
        db.insert_many((0..150).map(|number| document(number, version))).unwrap();
    }
    for number in 20..150 {
        db.delete(&format!("doc/{number:03}")).unwrap();
    }
    let before = contents(&db);
    let compaction = while_others_write(&db, || db.compact(&mut |_| ()).unwrap());
    assert!(compaction.after_bytes < compaction.before_bytes, "{compaction:?}");
    let after = contents(&db);
    assert!(before.iter().all(|(id, document)| after.get(id) == Some(document)));
    check(&db);
    drop(db);
    let db = open(&path);
    assert_eq!(contents(&db), after);
    check(&db);
}

#[test]
fn an_export_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("db"));
    fill(&db, 60);
    db.insert(Document::new("empty", "").title("nothing but a title")).unwrap();
    db.insert(Document::new("größe/日本", "検索エンジンは文書を探す。 Größe \u{1F9A6} \"quoted\" \\ \t end.")).unwrap();
    // Numbers of every size, at which readers of decimals stumble.
    let numbers = (1..600u64).map(|seed| f64::from_bits(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let numbers: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
    db.insert(Document::new("numbers", "Only uniquefigures of all sizes.").metadata("numbers", numbers)).unwrap();
    let formats: &[ExportFormat] =
        if cfg!(feature = "formats") { &[ExportFormat::Jsonl, ExportFormat::Parquet] } else { &[ExportFormat::Jsonl] };
    for &format in formats {
        let name = format!("{format:?}");
        let (first, second) = (dir.path().join(format!("{name}-1")), dir.path().join(format!("{name}-2")));
        let exported = db.export(&first, format, &mut |_| ()).unwrap();
        assert_eq!(exported.documents, db.stats().unwrap().documents);
        assert_eq!(exported.vectors, exported.chunks);

        // Into a database that is not there yet, without the model at hand.
        let path = dir.path().join(format!("{name}-db"));
        let copy = Database::builder(&path).without_embedder().open_for_import(&first).unwrap();
        let imported = copy.import(&first, &Cancel::new(), &mut |_| ()).unwrap();
        assert_eq!((imported.added, imported.vectors), (exported.documents, exported.vectors), "{imported:?}");
        assert_eq!((imported.failed.len(), imported.without_vectors), (0, None));
        let again = copy.import(&first, &Cancel::new(), &mut |_| ()).unwrap();
        assert_eq!(again.skipped, exported.documents);
        drop(copy);

        let copy = open(&path);
        assert_eq!(contents(&copy), contents(&db));
        check(&copy);
        copy.export(&second, format, &mut |_| ()).unwrap();
        for entry in std::fs::read_dir(&first).unwrap() {
            let name = entry.unwrap().file_name();
            let read = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
            assert!(read(&first) == read(&second), "{name:?} is another");
        }
        assert!(db.export(&first, format, &mut |_| ()).is_err(), "never over something else");
    }
}

/// An export is not of one moment, as a snapshot is; but every document in it is, and nobody's is missing.
#[test]
fn an_export_and_an_import_go_on_while_others_write() {
    let (dir, db, before) = filled();
    let folder = dir.path().join("export");
    let exported = while_others_write(&db, || db.export(&folder, ExportFormat::Jsonl, &mut |_| ()).unwrap());
    assert!(exported.documents >= before.len() as u64, "{exported:?}");
    let other = open(&dir.path().join("other"));
    let imported = while_others_write(&other, || other.import(&folder, &Cancel::new(), &mut |_| ()).unwrap());
    assert!(imported.failed.is_empty() && imported.without_vectors.is_none(), "{imported:?}");
    let after = contents(&other);
    assert!(before.iter().all(|(id, document)| after.get(id) == Some(document)), "nobody wrote to those");
    check(&other);
}

#[test]
fn an_export_that_does_not_fit_is_embedded_again_and_a_broken_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("db"));
    fill(&db, 20);
    let folder = dir.path().join("export");
    db.export(&folder, ExportFormat::Jsonl, &mut |_| ()).unwrap();
    let other = Database::builder(dir.path().join("other")).embedder(WordEmbedder { dimension: 32 }).open().unwrap();
    let imported = other.import(&folder, &Cancel::new(), &mut |_| ()).unwrap();
    assert!(imported.without_vectors.unwrap().contains("model.fingerprint"));
    assert_eq!(contents(&other), contents(&db));
    check(&other);

    let documents = folder.join("documents.jsonl");
    let text = std::fs::read_to_string(&documents).unwrap();
    let cut: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
    std::fs::write(&documents, cut).unwrap();
    assert!(other.import(&folder, &Cancel::new(), &mut |_| ()).is_err());
    std::fs::write(&documents, &text[..text.len() / 2]).unwrap();
    let refused = other.import(&folder, &Cancel::new(), &mut |_| ()).unwrap_err();
    assert!(refused.to_string().contains("documents.jsonl line"), "{refused}");
    std::fs::remove_file(folder.join("export.json")).unwrap();
    let refused = other.import(&folder, &Cancel::new(), &mut |_| ()).unwrap_err();
    assert!(refused.to_string().contains("no export of neodex"), "{refused}");
}
