//! A word index that is sound in itself and does not list what the store does: `verify` names the documents, opening mends what its counts
//! tell of, and `repair` makes it again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use neodex::{Document, Mode};
use neodex_index::DocumentKey;
use neodex_index::lexical::{LexicalChunk, LexicalDocument, LexicalIndex, OpenOptions, last_commit};
use neodex_storage::{Store, StoreOptions, Table, fuzzing};
use serde_json::Map;

use crate::{check, fill, open, repaired, version};

/// The key of a version that no document has.
const NOBODY: u64 = 1 << 40;

/// Does something to the word index of a closed database. What the index says of itself stays as it was.
fn meddle(path: &Path, change: impl FnOnce(&LexicalIndex)) {
    let folder: PathBuf = path.join("lexical");
    let (database, sequence) = last_commit(&folder).unwrap();
    let (lexical, opened) = LexicalIndex::open(&folder, OpenOptions::new(database)).unwrap();
    assert_eq!(opened.watermark, Some(sequence));
    change(&lexical);
    lexical.commit(sequence).unwrap();
}

fn add(lexical: &LexicalIndex, key: u64, chunks: usize) {
    let chunk = LexicalChunk { headings: "", body: "phantomword" };
    let chunks = vec![chunk; chunks];
    let document = LexicalDocument { key: DocumentKey(key), title: "", metadata: &Map::new(), chunks: &chunks };
    lexical.add(&document).unwrap();
}

/// A database in which document 17 is missing in the word index: all its documents, and the key of that one.
fn without_17(path: &Path) -> (BTreeMap<String, Document>, u64) {
    let documents = fill(path);
    let key = version(path, "doc/17");
    meddle(path, |lexical| lexical.remove(DocumentKey(key)));
    (documents, key)
}

/// A database in which document 17 is missing in the word index, and as many chunks of nobody's are in it.
fn exchanged(path: &Path) -> u64 {
    let key = version(path, "doc/17");
    meddle(path, |lexical| {
        let (_, chunks) = *lexical.documents().unwrap().iter().find(|(listed, _)| listed.0 == key).unwrap();
        lexical.remove(DocumentKey(key));
        add(lexical, NOBODY, chunks as usize);
    });
    key
}

fn found(path: &Path, word: &str) -> Vec<String> {
    let results = open(path).unwrap().search(word).mode(Mode::Lexical).run().unwrap();
    results.hits.iter().map(|hit| hit.document_id.to_string()).collect()
}

#[test]
fn opening_mends_what_is_missing_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let (documents, _) = without_17(&path);
    let db = open(&path).unwrap();
    let told = "the word index was mended: 1 documents were missing in it, and 0 were not as they are stored";
    assert!(db.notices().iter().any(|notice| notice == told), "{:?}", db.notices());
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    drop(db);
    assert_eq!(found(&path, "unique17"), ["doc/17"]);
    assert_eq!(open(&path).unwrap().notices().len(), 0, "once is enough");
    assert_eq!(open(&path).unwrap().document_ids().unwrap().len(), documents.len());
}

#[test]
fn opening_mends_what_should_not_be_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fill(&path);
    let (other, twice) = (version(&path, "doc/17"), version(&path, "doc/18"));
    meddle(&path, |lexical| {
        add(lexical, NOBODY, 2);
        // With other chunks than it has, and there twice.
        lexical.remove(DocumentKey(other));
        add(lexical, other, 900);
        add(lexical, twice, 1);
    });
    let db = open(&path).unwrap();
    let told = "the word index was mended: 2 documents were missing in it, and 3 were not as they are stored";
    assert!(db.notices().iter().any(|notice| notice == told), "{:?}", db.notices());
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    drop(db);
    assert_eq!(found(&path, "phantomword"), [""; 0]);
    assert_eq!([found(&path, "unique17"), found(&path, "unique18")], [["doc/17"], ["doc/18"]]);
}

/// Where as much is missing as is too much, the counts tell nothing: `verify` compares the lists.
#[test]
fn verify_names_the_documents_and_repair_makes_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&path);
    exchanged(&path);
    let db = open(&path).unwrap();
    assert_eq!(db.notices().len(), 0, "{:?}", db.notices());
    let faults = db.verify(&mut |_| ()).unwrap().faults;
    let named: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.part.as_str(), fault.key.as_str())).collect();
    assert_eq!(named, [("word index", "doc/17"), ("word index", NOBODY.to_string().as_str())]);
    drop(db);
    let repair = repaired(&path);
    assert!(!repair.damaged && !repair.lost_something(), "{repair:?}");
    check(&path, &documents, &repair);
    assert_eq!(found(&path, "unique17"), ["doc/17"]);
}

/// A document that cannot be read is not struck from the word index: it is what `repair` asks.
#[test]
fn a_damaged_document_is_told_of_and_nothing_is_mended_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let (documents, key) = without_17(&path);
    let store = Store::open(&path, StoreOptions::new()).unwrap();
    let texts: Table<(u64, u32), Vec<u8>> = Table::new(crate::TEXTS, "texts");
    let (block, _) = store.range(&texts, (key, 0)..).unwrap().next().unwrap().unwrap();
    assert!(fuzzing::damage(&store, &texts, &block, |value| value[45] ^= 4).unwrap());
    drop(store);
    for _ in 0..2 {
        let db = open(&path).unwrap();
        assert!(db.notices().iter().any(|notice| notice.contains("1 documents are damaged")), "{:?}", db.notices());
        assert!(!db.notices().iter().any(|notice| notice.contains("mended")), "{:?}", db.notices());
        db.insert(Document::new("another", "It goes on.")).unwrap();
        db.delete("another").unwrap();
    }
    let repair = repaired(&path);
    assert!(repair.damaged, "{repair:?}");
    check(&path, &documents, &repair);
}
