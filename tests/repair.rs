//! Damage of every kind: opening never panics, derived parts make themselves again, `verify` finds what was planted, and `repair` gives a
//! sound database in which everything is as it was or listed by id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use neodex::{Database, Document, Error, ErrorKind, Mode, Repair, repair};
use neodex_storage::{Store, StoreOptions, Table};
use words::WordEmbedder;

const DOCUMENTS: Table<String, Vec<u8>> = Table::new(16, "documents");
const TEXTS: u8 = 18;
const ROWS: u8 = 20;

fn open(path: &Path) -> neodex::Result<Database> {
    Database::builder(path).embedder(WordEmbedder::default()).background(false).open()
}

fn document(number: u32, version: u32) -> Document {
    let sentence = format!("Document unique{number} speaks of topic{version}, of otters and of rivers. ");
    Document::new(format!("doc/{number:02}"), sentence.repeat(2 + number as usize % 30)).metadata("version", version)
}

/// What is there, what was replaced, and what was deleted.
fn fill(path: &Path) -> BTreeMap<String, Document> {
    let db = open(path).unwrap();
    db.insert_many((0..40).map(|number| document(number, 0))).unwrap();
    for number in (0..40).step_by(3) {
        db.insert(document(number, 1)).unwrap();
    }
    for number in (0..40).step_by(8) {
        db.delete(&format!("doc/{number:02}")).unwrap();
    }
    let ids = db.document_ids().unwrap();
    ids.iter().map(|id| (id.to_string(), db.get(id.as_str()).unwrap().unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if let Err(error) = fs::copy(entry.path(), to) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

fn repaired(path: &Path) -> Repair {
    repair(path, &mut |_, _, _| ()).unwrap()
}

/// After a repair: sound, searchable, writable, and every document is as it was or listed.
fn check(path: &Path, documents: &BTreeMap<String, Document>, repair: &Repair) {
    let db = open(path).unwrap();
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    let listed: BTreeSet<&str> = repair.lost.iter().chain(&repair.older).map(|damage| damage.id.as_str()).collect();
    for (id, document) in documents {
        let found = db.get(id).unwrap();
        assert!(
            found.as_ref() == Some(document) || listed.contains(id.as_str()),
            "{id} is another, and nobody says so"
        );
        let lost = repair.lost.iter().any(|damage| damage.id == *id);
        assert_eq!(found.is_none(), lost, "{id}");
    }
    for id in db.document_ids().unwrap() {
        assert!(documents.contains_key(id.as_str()) || listed.contains(id.as_str()), "{id} is back from the dead");
    }
    assert_eq!(db.stats().unwrap().documents, repair.documents);
    db.insert(Document::new("new", "It takes new documents: quokkaword.")).unwrap();
    let hits = db.search("quokkaword").mode(Mode::Lexical).run().unwrap().hits;
    assert_eq!(hits.len(), 1);
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

/// The key of a document's first chunk.
fn version(path: &Path, id: &str) -> u64 {
    let store = Store::open(path, StoreOptions::new()).unwrap();
    let head = store.get(&DOCUMENTS, id).unwrap().unwrap();
    // A varint, seven bits a byte from the lowest.
    let mut version = 0;
    for (at, byte) in head.iter().enumerate() {
        version |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            break;
        }
    }
    version
}

/// Damages every copy of the rows of this table whose key begins with this number, in the raw file; how many there were.
fn damage(path: &Path, table: u8, number: u64) -> usize {
    let log = path.join("store/db");
    let mut bytes = fs::read(&log).unwrap();
    let mut damaged = 0;
    for at in 0..bytes.len().saturating_sub(60) {
        let value = &bytes[at..];
        if value.starts_with(&[b'n', b'X', 1, table]) && value[27..35] == number.to_be_bytes() {
            bytes[at + 45] ^= 0x10;
            damaged += 1;
        }
    }
    fs::write(&log, bytes).unwrap();
    damaged
}

#[test]
fn a_sound_database_gets_new_indexes_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&path);
    // A store that was made anew has another id.
    let before = fs::read(path.join("FORMAT")).unwrap();
    let repair = repaired(&path);
    assert!(!repair.damaged && !repair.lost_something() && repair.kept.is_none(), "{repair:?}");
    assert!(fs::read(path.join("FORMAT")).unwrap() == before);
    check(&path, &documents, &repair);
    assert!(matches!(super_repair(dir.path()), Err(Error::NoDatabase { .. })));
}

fn super_repair(path: &Path) -> neodex::Result<Repair> {
    repair(path.join("nothing here"), &mut |_, _, _| ())
}

#[test]
fn a_damaged_text_costs_its_document_and_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&path);
    // One that was written once, so that there is nothing older to fall back to.
    assert!(damage(&path, TEXTS, version(&path, "doc/17")) > 0);
    let repair = repaired(&path);
    assert!(repair.damaged);
    assert_eq!(repair.lost.iter().map(|damage| damage.id.as_str()).collect::<Vec<_>>(), ["doc/17"]);
    assert!(repair.kept.as_ref().unwrap().join("db").exists());
    let salvaged = fs::read_to_string(repair.salvaged.as_ref().unwrap()).unwrap();
    assert!(salvaged.contains("doc/17"), "{salvaged}");
    check(&path, &documents, &repair);
}

#[test]
fn a_damaged_vector_costs_the_vectors_of_its_document() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&path);
    assert!(damage(&path, ROWS, version(&path, "doc/17")) > 0);
    let repair = repaired(&path);
    assert!(repair.lost.is_empty(), "{repair:?}");
    assert_eq!(repair.without_vectors.iter().map(|damage| damage.id.as_str()).collect::<Vec<_>>(), ["doc/17"]);
    check(&path, &documents, &repair);
    let db = open(&path).unwrap();
    assert!(db.notices().iter().any(|notice| notice.contains("have no vector yet")), "{:?}", db.notices());
    db.reembed(&neodex::Cancel::new(), None).unwrap();
    let stats = db.stats().unwrap();
    assert_eq!(stats.vectors, stats.chunks);
}

#[test]
fn an_older_version_stands_in_and_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = open(&path).unwrap();
    db.insert(document(5, 0)).unwrap();
    db.insert(document(5, 1)).unwrap();
    db.insert(document(6, 0)).unwrap();
    db.delete("doc/06").unwrap();
    drop(db);
    assert!(damage(&path, TEXTS, version(&path, "doc/05")) > 0);
    let repair = repaired(&path);
    assert_eq!(repair.older.len(), 1, "{repair:?}");
    let db = open(&path).unwrap();
    assert_eq!(db.get("doc/05").unwrap(), Some(document(5, 0)));
    assert_eq!(db.get("doc/06").unwrap(), None, "nothing comes back from the dead");
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
fn a_lost_or_damaged_format_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&path);
    for text in [None, Some("format = 3\nrubbish"), Some("")] {
        match text {
            None => fs::remove_file(path.join("FORMAT")).unwrap(),
            Some(text) => fs::write(path.join("FORMAT"), text).unwrap(),
        }
        let refused = open(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unusable, "{refused}");
        assert!(refused.to_string().contains("neodex repair"), "{refused}");
        let repair = repaired(&path);
        assert!(!repair.lost_something(), "{repair:?}");
        let db = open(&path).unwrap();
        assert_eq!(db.stats().unwrap().model.map(|model| model.name).as_deref(), Some("words"));
        drop(db);
        check(&path, &documents, &repair);
        open(&path).unwrap().delete("new").unwrap();
    }
}

/// Whatever else is gone with the store: that it held something is known, and how many documents where the word index still knows it.
#[test]
fn a_total_loss_is_never_taken_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original).len() as u64;
    let path = dir.path().join("db");
    for gone in [&[][..], &["LOCK"], &["lexical"], &["LOCK", "lexical"], &["FORMAT"], &["FORMAT", "LOCK", "lexical"]] {
        for part in [0, 2] {
            copy(&original, &path);
            let mut bytes = fs::read(path.join("store/db")).unwrap();
            let keep = bytes.iter().rposition(|byte| *byte != 0).unwrap() * part / 4;
            bytes.iter_mut().skip(keep).for_each(|byte| *byte = 0);
            fs::write(path.join("store/db"), bytes).unwrap();
            for file in gone {
                let _ = fs::remove_dir_all(path.join(file));
                let _ = fs::remove_file(path.join(file));
            }
            // A log that ends early is one of an earlier day to whoever has neither LOCK nor the word index to compare it with.
            let known = keep == 0 || gone.len() < 2;
            assert!(!known || open(&path).is_err(), "{gone:?}, {keep} bytes kept");
            let repair = repaired(&path);
            assert!(!known || repair.lost_something(), "{gone:?}, {keep} bytes kept: {repair:?}");
            assert_eq!(repair.nothing_left, keep == 0);
            let known = repair.documents + repair.lost.len() as u64 + repair.unnamed;
            assert!(gone.contains(&"lexical") || known >= documents, "{gone:?}, {keep} bytes kept: {repair:?}");
            assert_eq!(open(&path).unwrap().verify(&mut |_| ()).unwrap().faults, []);
        }
    }
}

/// Flips bits all over the store's file: whatever comes of it, `open` answers, and `repair` lists what is not as it was.
#[test]
fn bits_flipped_in_the_store() {
    let flips: usize = std::env::var("NEODEX_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(24);
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let good = fs::read(original.join("store/db")).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    let path = dir.path().join("db");
    let mut tally = [0; 4];
    for flip in 0..flips {
        copy(&original, &path);
        let mut bytes = good.clone();
        let at = used * flip / flips + flip % 13;
        bytes[at] ^= 1 << (flip % 8);
        fs::write(path.join("store/db"), bytes).unwrap();
        let opened = catch_unwind(AssertUnwindSafe(|| open(&path)));
        match opened.unwrap_or_else(|_| panic!("flip {flip} at {at}: open panicked")) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unusable, "flip {flip} at {at}: {error}");
                tally[0] += 1;
            }
            Ok(db) => {
                let verified = db.verify(&mut |_| ());
                let whole = documents.iter().all(|(id, document)| db.get(id).ok().flatten().as_ref() == Some(document));
                let clean = verified.is_ok_and(|verification| verification.faults.is_empty());
                assert!(whole || !clean, "flip {flip} at {at}: something is missing and verify does not see it");
                tally[if clean { 1 } else { 2 }] += 1;
            }
        }
        // Again: what the first opening leaves is what the second finds.
        drop(catch_unwind(AssertUnwindSafe(|| open(&path).map(drop))));
        let repair = repaired(&path);
        let cost = repair.lost.len() + repair.older.len();
        // A bit is in one value, and a value is of one document: nothing else may be lost through opening what is damaged.
        assert!(cost <= 1, "flip {flip} at {at}: {repair:?}");
        tally[3] += cost;
        check(&path, &documents, &repair);
    }
    eprintln!(
        "{flips} flips: {} refused, {} without effect, {} found by verify; {} documents lost or older",
        tally[0], tally[1], tally[2], tally[3]
    );
}

/// Everything but the store is made again without a word from anybody.
#[test]
fn bytes_damaged_in_derived_files() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&dir.path().join("live"));
    // tantivy still tidies up behind a database that is closed; what is copied now stays as it is.
    copy(&dir.path().join("live"), &original);
    let mut files: Vec<PathBuf> =
        fs::read_dir(original.join("lexical")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.push(original.join("LOCK"));
    let path = dir.path().join("db");
    for file in files {
        let relative = file.strip_prefix(&original).unwrap();
        let good = fs::read(&file).unwrap();
        let step = (good.len() / 3).max(1);
        for at in (0..good.len()).step_by(step) {
            copy(&original, &path);
            let mut bytes = good.clone();
            bytes[at] ^= 0x21;
            fs::write(path.join(relative), bytes).unwrap();
            let db = open(&path).unwrap_or_else(|error| panic!("{} at {at}: {error}", relative.display()));
            assert_eq!(db.stats().unwrap().documents, documents.len() as u64);
            let searched = db.search("unique17").mode(Mode::Lexical).limit(3).run();
            let found = searched.is_ok_and(|results| results.hits.iter().any(|hit| hit.document_id == "doc/17"));
            let clean = db.verify(&mut |_| ()).is_ok_and(|verification| verification.faults.is_empty());
            assert!(found || !clean, "{} at {at}: nothing is found, and verify does not know why", relative.display());
            if !clean {
                drop(db);
                assert!(!repaired(&path).damaged);
                assert_eq!(open(&path).unwrap().verify(&mut |_| ()).unwrap().faults, []);
            }
        }
        copy(&original, &path);
        fs::remove_file(path.join(relative)).unwrap();
        let db = open(&path).unwrap();
        assert_eq!(db.verify(&mut |_| ()).unwrap().faults, [], "without {}", relative.display());
    }
}

/// What sled keeps beside its log: `open` answers, and `repair` needs none of it.
#[test]
fn bytes_damaged_beside_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let path = dir.path().join("db");
    for entry in fs::read_dir(original.join("store")).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() || file.file_name().unwrap() == "db" {
            continue;
        }
        let good = fs::read(&file).unwrap();
        for at in (0..good.len()).step_by(11).map(Some).chain([None]) {
            copy(&original, &path);
            let relative = path.join("store").join(file.file_name().unwrap());
            match at {
                Some(at) => {
                    let mut bytes = good.clone();
                    bytes[at] ^= 0x21;
                    fs::write(relative, bytes).unwrap();
                }
                None => fs::write(relative, b"").unwrap(),
            }
            let opened = catch_unwind(AssertUnwindSafe(|| open(&path).map(drop)));
            let opened = opened.unwrap_or_else(|_| panic!("{} at {at:?}: open panicked", file.display()));
            assert!(opened.is_ok_and(|()| true) || open(&path).is_err_and(|error| error.kind() == ErrorKind::Unusable));
            let repair = repaired(&path);
            assert!(!repair.lost_something(), "{} at {at:?}: {repair:?}", file.display());
            check(&path, &documents, &repair);
        }
    }
}

/// Every kind of row, damaged in a store that opens: found by `verify`, and mended by `repair`.
#[test]
fn verify_finds_every_planted_fault() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let path = dir.path().join("db");
    for table in 16..=40u8 {
        let raw: Table<Vec<u8>, Vec<u8>> = Table::new(table, "raw");
        for planted in ["removed", "changed", "added"] {
            copy(&original, &path);
            let store = Store::open(&path, StoreOptions::new()).unwrap();
            let Some(row) = store.scan(&raw).next() else { break };
            let (key, mut value) = row.unwrap();
            let change = move |tx: &mut neodex_storage::Transaction<'_>| -> Result<(), neodex_storage::Error> {
                match planted {
                    "removed" => tx.remove(&raw, key.as_slice()).map(drop),
                    "changed" => {
                        value.iter_mut().take(1).for_each(|byte| *byte ^= 0x15);
                        tx.put(&raw, key.as_slice(), &value)
                    }
                    _ => {
                        let mut other = key.clone();
                        other.iter_mut().take(2).for_each(|byte| *byte ^= 0x7F);
                        tx.put(&raw, other.as_slice(), &value)
                    }
                }
            };
            store.commit(change).unwrap();
            drop(store);
            // What is derived, or only remembered for convenience, need not be missed; what is truth must be. A vector with another number
            // and a checksum of its own is another vector: nothing keeps a second word on it.
            let truth = matches!(table, 16 | 17 | 18 | 25) || table == 20 && planted != "changed";
            let opened = open(&path);
            let noticed = match &opened {
                Err(error) => error.kind() == ErrorKind::Unusable,
                Ok(db) => db.verify(&mut |_| ()).map_or(true, |verification| !verification.faults.is_empty()),
            };
            // An empty value cannot be changed, and one that is added beside the only row of its table means nothing.
            assert!(
                noticed || !truth || (table == 25 && planted == "added"),
                "table {table}, {planted}: nobody noticed"
            );
            drop(opened);
            if truth {
                let repair = repaired(&path);
                let db = open(&path).unwrap();
                assert_eq!(db.verify(&mut |_| ()).unwrap().faults, [], "table {table}, {planted}");
                assert!(db.stats().unwrap().documents + repair.lost.len() as u64 >= documents.len() as u64 - 1);
            }
        }
    }
}
