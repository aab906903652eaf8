//! Bringing a folder in again and again: unchanged files are not read, changed ones replaced, gone ones pruned, and an interrupted run ends
//! like an uninterrupted one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use neodex::{Cancel, Database, IngestProgress, SyncOptions};

/// Writes a file whose time is old enough to be trusted.
fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let old = SystemTime::now() - Duration::from_secs(60);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

fn counts(db: &Database, folder: &Path, prune: bool) -> (u64, u64, u64, u64) {
    let report = db.sync(folder, &SyncOptions { prune, ..SyncOptions::default() }).unwrap();
    assert_eq!(report.failed, []);
    (report.added, report.replaced, report.skipped, report.deleted)
}

#[test]
fn only_what_changed_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    write(&files, "a.md", "# A\n\nabout apples");
    write(&files, "sub/b.txt", "about bananas");
    write(&files, "records.jsonl", "{\"id\":\"r1\",\"text\":\"about cherries\"}\n{\"text\":\"about dates\"}\n");
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    assert_eq!(counts(&db, &files, false), (4, 0, 0, 0));
    assert_eq!(counts(&db, &files, false), (0, 0, 4, 0));
    assert_eq!(db.get("records.jsonl#2").unwrap().unwrap().text, "about dates");

    write(&files, "a.md", "# A\n\nabout apricots");
    write(&files, "records.jsonl", "{\"id\":\"r1\",\"text\":\"about cherries\"}\n");
    assert_eq!(counts(&db, &files, false), (0, 1, 2, 0), "the record that is gone stays without prune");
    assert_eq!(db.search("apples").run().unwrap().total, 0);
    assert_eq!(db.search("apricots").run().unwrap().total, 1);
    write(&files, "records.jsonl", "{\"id\":\"r1\",\"text\":\"about  cherries\"}\n");
    assert_eq!(counts(&db, &files, true), (0, 1, 2, 1), "and goes with it");

    std::fs::remove_file(files.join("sub/b.txt")).unwrap();
    assert_eq!(counts(&db, &files, true), (0, 0, 2, 1));
    std::fs::remove_file(files.join("records.jsonl")).unwrap();
    assert_eq!(counts(&db, &files, true), (0, 0, 1, 1));
    assert_eq!(db.stats().unwrap().documents, 1);

    assert!(db.delete("a.md").unwrap());
    assert_eq!(counts(&db, &files, true), (1, 0, 0, 0), "a deleted document whose file is there comes back");
}

#[test]
fn the_same_relative_path_under_two_folders_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("one"), "readme.md", "first");
    write(&dir.path().join("two"), "readme.md", "second");
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    assert_eq!(counts(&db, &dir.path().join("one"), false).0, 1);
    let report = db.sync(dir.path().join("two"), &SyncOptions::default()).unwrap();
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].reason.contains("one"), "{:?}", report.failed);
    assert_eq!(db.get("readme.md").unwrap().unwrap().text, "first");
}

#[test]
fn metadata_can_be_added_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    write(&files, "a.txt", "text");
    let db = Database::builder(dir.path().join("db")).without_embedder().open().unwrap();
    let options = SyncOptions { metadata: vec![("shelf".to_owned(), "physics".into())], ..SyncOptions::default() };
    db.sync(&files, &options).unwrap();
    assert_eq!(db.search("").filter("shelf = 'physics'").run().unwrap().hits[0].document_id, "a.txt");
    assert_eq!(db.delete_where("shelf = 'physics'").unwrap(), 1);
}

#[test]
fn an_interrupted_run_continues_to_the_same_end() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("files");
    for i in 0..400 {
        write(&files, &format!("{i}.txt"), &format!("file number{i} says something, then more. ").repeat(1 + i % 30));
    }
    let whole = Database::builder(dir.path().join("whole")).without_embedder().open().unwrap();
    assert_eq!(counts(&whole, &files, false).0, 400);

    let parts = Database::builder(dir.path().join("parts")).without_embedder().open().unwrap();
    let cancel = Cancel::new();
    let switch = cancel.clone();
    let observer = Arc::new(move |progress: IngestProgress| {
        if progress.source_bytes >= 150_000 {
            switch.cancel();
        }
    });
    let options = SyncOptions { cancel, observer: Some(observer), ..SyncOptions::default() };
    let report = parts.sync(&files, &options).unwrap();
    assert!(report.cancelled && report.added > 0 && report.added < 400, "{report:?}");
    let (added, replaced, skipped, _) = counts(&parts, &files, false);
    assert_eq!((added + report.added, replaced, skipped), (400, 0, report.added));

    assert_eq!(parts.document_ids().unwrap(), whole.document_ids().unwrap());
    for id in whole.document_ids().unwrap() {
        assert_eq!(parts.get(id.as_str()).unwrap(), whole.get(id.as_str()).unwrap());
    }
    let found = |db: &Database| -> Vec<String> {
        let hits = db.search("something number7").limit(400).run().unwrap().hits;
        hits.into_iter().map(|hit| format!("{} {:.4} {}", hit.document_id, hit.score, hit.text)).collect()
    };
    let (mut a, mut b) = (found(&whole), found(&parts));
    a.sort();
    b.sort();
    assert_eq!(a, b, "the same documents, passages and scores");
}
