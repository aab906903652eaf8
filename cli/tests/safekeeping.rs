//! Copies, repairs and the room on the disk, as typed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Place, ids, is_database};

fn ingested() -> Place {
    let place = Place::with_docs();
    place.run(&["ingest", "docs"]).expect(0);
    place
}

fn finds(place: &Place, db: &str) {
    let results = place.json(0, &["search", "universal machine", "--db", db]);
    assert_eq!(ids(&results), ["alan"]);
    assert_eq!(place.json(0, &["stats", "--db", db])["documents"], 5);
    place.run(&["verify", "--db", db]).expect(0);
}

#[test]
fn a_snapshot_there_and_back() {
    let place = ingested();
    let snapshot = place.json(0, &["snapshot", "create", "db.snapshot"]);
    assert!(snapshot["bytes"].as_u64().unwrap() > 1_000);
    let again = place.run(&["snapshot", "create", "db.snapshot"]).expect(2);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    place.run(&["snapshot", "create", "db.snapshot", "--force"]).expect(0);
    assert_eq!(place.json(0, &["snapshot", "restore", "db.snapshot", "--db", "copy.db"])["documents"], 5);
    finds(&place, "copy.db");

    place.run(&["delete", "alan"]).expect(0);
    let refused = place.run(&["snapshot", "restore", "db.snapshot"]).expect(2);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    place.run(&["snapshot", "restore", "db.snapshot", "--force"]).expect(0);
    finds(&place, "neodex.db");

    let bytes = std::fs::read(place.path("db.snapshot")).unwrap();
    place.write("cut.snapshot", &bytes[..bytes.len() / 2]);
    let refused = place.run(&["snapshot", "restore", "cut.snapshot", "--db", "new.db"]).expect(3);
    assert!(refused.stderr.contains("it ends too early"), "{}", refused.stderr);
    assert!(!is_database(&place.path("new.db")));
    place.run(&["snapshot", "restore", "docs/bm25.txt", "--db", "new.db"]).expect(3);
}

#[test]
fn compacting_says_what_it_gave_back() {
    let place = ingested();
    let compaction = place.json(0, &["compact"]);
    assert!(compaction["before_bytes"].as_u64().unwrap() > 0 && compaction["after_bytes"].as_u64().unwrap() > 0);
    assert!(place.run(&["compact"]).expect(0).stdout.contains("on disk"));
    finds(&place, "neodex.db");
}

#[test]
fn repairing_saves_what_there_is_and_lists_the_rest() {
    let place = ingested();
    let sound = place.run(&["repair"]).expect(0).stdout;
    assert!(sound.contains("the store is sound: 5 documents"), "{sound}");
    finds(&place, "neodex.db");

    std::fs::remove_file(place.path("neodex.db/FORMAT")).unwrap();
    let refused = place.run(&["search", "x"]).expect(3);
    assert!(refused.stderr.contains("neodex repair"), "{}", refused.stderr);
    let repaired = place.run(&["repair"]).expect(0).stdout;
    assert!(repaired.contains("5 documents saved, 0 lost"), "{repaired}");
    finds(&place, "neodex.db");

    // A hole through everything that was written.
    let mut store = std::fs::read_dir(place.path("neodex.db")).unwrap().map(|entry| entry.unwrap().path());
    let store = store.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("store")).unwrap();
    let mut bytes = std::fs::read(store.join("db")).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[..used].iter_mut().step_by(50).for_each(|byte| *byte ^= 1);
    std::fs::write(store.join("db"), bytes).unwrap();
    let repair = place.json(1, &["repair"]);
    assert_eq!(repair["damaged"], true);
    // A row shorter than the holes are apart may have slipped through; but every document is saved or lost, and said to be.
    let lost = repair["lost"].as_array().unwrap().len() as u64 + repair["unnamed"].as_u64().unwrap();
    assert_eq!(repair["documents"].as_u64().unwrap() + lost, 5, "{repair}");
    assert!(lost > 0, "{repair}");
    place.run(&["verify"]).expect(0);
    place.run(&["ingest", "docs"]).expect(0);
    let missing = place.run(&["repair", "--db", "nowhere.db"]).expect(2);
    assert!(missing.stderr.contains("no database"), "{}", missing.stderr);
}

#[test]
fn an_export_there_and_back() {
    let place = ingested();
    for format in ["jsonl", "parquet"] {
        let (folder, copy) = (format!("{format}-export"), format!("{format}.db"));
        let exported = place.json(0, &["export", &folder, "--format", format]);
        assert_eq!(exported["documents"], 5);
        let imported = place.json(0, &["import", &folder, "--db", &copy]);
        assert_eq!(imported["added"], 5);
        finds(&place, &copy);
        let again = place.run(&["import", &folder, "--db", &copy]).expect(0).stdout;
        assert!(again.contains("5 skipped"), "{again}");
        let full = place.run(&["export", &folder]).expect(2);
        assert!(full.stderr.contains("not empty"), "{}", full.stderr);
    }
    let none = place.run(&["import", "docs", "--db", "new.db"]).expect(2);
    assert!(none.stderr.contains("no export of neodex"), "{}", none.stderr);
    assert!(!is_database(&place.path("new.db")));
    place.run(&["export", "x", "--format", "wordperfect"]).expect(2);
}

/// A pdf is read by a child of the program, so that what it does to its reader ends there.
#[test]
fn pdfs_are_read_by_a_child() {
    let place = Place::new();
    place.write("docs/otters.pdf", PDF);
    place.write("docs/broken.pdf", "%PDF-1.5\n1 0 obj\n[[[[[[");
    let report = place.json(1, &["ingest", "docs"]);
    assert_eq!(report["added"], 1, "{report}");
    assert_eq!(report["failed"][0]["source"], "broken.pdf");
    assert_eq!(ids(&place.json(0, &["search", "otters"])), ["otters.pdf"]);
    // The child's end of it, by hand.
    let request = "{\"id\":\"x\",\"max_document_bytes\":1000000,\"max_pages\":10,\"max_time_ms\":10000}\n";
    let answer = place.run_with(&["--neodex-read-pdf"], &format!("{request}{}", "%PDF-1.5\nnothing")).expect(0);
    assert!(answer.stdout.starts_with('f') && answer.stdout.contains("Malformed"), "{}", answer.stdout);
}

const PDF: &str = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n\
4 0 obj\n<< /Length 44 >>\nstream\nBT /F1 12 Tf 10 100 Td (Otters in rivers) Tj ET\nendstream\nendobj\n\
5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>\nendobj\n\
trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n";
