//! Damage of every kind: opening never panics, derived parts make themselves again, `verify` finds what was planted, and `repair` gives a
//! sound database in which everything is as it was or listed by id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../folders/mod.rs"]
mod folders;
mod killed;
mod planted;
mod sweeps;
mod word_index;
#[path = "../words/mod.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use folders::copy;
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
