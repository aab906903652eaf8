//! What becomes of sealed segments when something happens to the database around them: another model, a copy, a compaction, deletions, damage,
//! a repair, a kill at any step of sealing. Every vector is found all the while, and in the end there are sound segments again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../index/tests/vectors/mod.rs"]
mod vectors;
mod words;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use neodex::{Cancel, Config, Database, DatabaseBuilder, Document, Health, Mode, SealPolicy, repair, restore};
use neodex_storage::{Store, StoreOptions, Table, failpoint, fuzzing};
use words::WordEmbedder;

const DIMENSION: usize = 24;
const SEAL_AT: usize = 100;
/// The database and the point of the process that is to end at it.
const KILLED: [&str; 2] = ["NEODEX_TEST_SEGMENTS_DATABASE", "NEODEX_TEST_SEGMENTS_POINT"];

fn builder(path: &Path) -> DatabaseBuilder {
    let sealing = SealPolicy::default().with_seal_at(SEAL_AT);
    Database::builder(path).config(Config { sealing, ..Config::default() }).background(false)
}

fn open(path: &Path) -> Database {
    builder(path).vectors(DIMENSION).open().unwrap()
}

fn vector(number: u64) -> Vec<f32> {
    vectors::vector(DIMENSION, number)
}

/// The document of a number has the vector of `of`.
fn put(db: &Database, numbers: impl IntoIterator<Item = u64>, of: impl Fn(u64) -> u64) {
    let items = numbers.into_iter().map(|number| (Document::new(format!("d{number}"), ""), vector(of(number))));
    assert_eq!(db.insert_vectors(items).unwrap().failed, []);
}

fn sealed(db: &Database) {
    db.wait_until_sealed(|_| true).unwrap();
    let stats = db.stats().unwrap();
    assert!(stats.vector_segments > 0 && stats.unsealed_vectors < SEAL_AT as u64, "{stats:?}");
}

/// The documents nearest to the vectors of these numbers.
fn nearest(db: &Database, numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    let one = |number| {
        let found = db.search_vector(vector(number)).limit(1).run().unwrap();
        found.hits[0].document_id.to_string()
    };
    numbers.into_iter().map(one).collect()
}

fn names(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("d{number}")).collect()
}

fn is_sound(db: &Database) {
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}

#[test]
fn another_model_takes_over_and_its_vectors_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let of = |dimension| builder(&path).embedder(WordEmbedder { dimension }).open().unwrap();
    let finds = |db: &Database, number: u64| {
        let found = db.search(format!("number{number}")).mode(Mode::Dense).limit(3).run().unwrap();
        assert!(found.hits.iter().any(|hit| hit.document_id == format!("d{number}").as_str()), "{number}");
    };
    let document = |number: u64| Document::new(format!("d{number}"), format!("number{number} alone"));
    let db = of(48);
    db.insert_many((0..350).map(document)).unwrap();
    sealed(&db);
    for number in 0..20 {
        db.delete(&format!("d{number}")).unwrap();
    }
    db.reembed_with(Arc::new(WordEmbedder { dimension: 32 }), &Cancel::new(), None).unwrap();
    // The handle of before goes on with the old model's segments, and seals what still comes.
    db.insert_many((400..520).map(document)).unwrap();
    sealed(&db);
    finds(&db, 77);
    finds(&db, 450);
    drop(db);

    for _ in 0..2 {
        let db = of(32);
        db.reembed(&Cancel::new(), None).unwrap();
        sealed(&db);
        (20..350).step_by(31).chain([400, 519]).for_each(|number| finds(&db, number));
        assert_eq!(db.stats().unwrap().vectors, 450);
        is_sound(&db);
    }
    let db = of(32);
    assert_eq!(db.notices(), [] as [String; 0]);
    assert_eq!(db.stats().unwrap().unsealed_vectors, db.stats().unwrap().unsealed_vectors % SEAL_AT as u64);
}

#[test]
fn snapshots_and_compactions_take_segments_along() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file, back) = (dir.path().join("db"), dir.path().join("copy"), dir.path().join("back"));
    let db = open(&path);
    put(&db, 0..400, |number| number);
    sealed(&db);
    db.delete("d7").unwrap();
    db.snapshot_create(&file, &mut |_| ()).unwrap();
    let mark = db.stats().unwrap();
    // Copies are made while segments come and go.
    std::thread::scope(|scope| {
        let writer = db.clone();
        scope.spawn(move || (400..1_000).step_by(60).for_each(|from| put(&writer, from..from + 60, |number| number)));
        for number in 0..4 {
            db.compact(&mut |_| ()).unwrap();
            db.snapshot_create(dir.path().join(format!("copy{number}")), &mut |_| ()).unwrap();
        }
    });
    sealed(&db);
    let kept: Vec<u64> = (0..1_000).step_by(13).filter(|&number| number != 7).collect();
    assert_eq!(nearest(&db, kept.clone()), names(kept.clone()));
    is_sound(&db);
    drop(db);
    let db = open(&path);
    assert_eq!(db.notices(), [] as [String; 0]);
    assert_eq!(nearest(&db, kept.clone()), names(kept));

    restore(&file, &back, false, &mut |_| ()).unwrap();
    let restored = open(&back);
    let stats = restored.stats().unwrap();
    assert_eq!((stats.vectors, stats.vector_segments), (399, mark.vector_segments), "{stats:?}");
    assert_eq!(nearest(&restored, [8, 399]), names([8, 399]));
    assert_ne!(nearest(&restored, [7]), names([7]));
    is_sound(&restored);
    for number in 0..4 {
        let back = dir.path().join(format!("back{number}"));
        restore(dir.path().join(format!("copy{number}")), &back, false, &mut |_| ()).unwrap();
        let restored = open(&back);
        assert!(restored.notices().iter().all(|notice| !notice.contains("damaged")), "{:?}", restored.notices());
        assert_eq!(restored.stats().unwrap().vectors, restored.stats().unwrap().documents);
        is_sound(&restored);
    }
}

#[test]
fn deleted_and_inserted_again_it_answers_as_one_made_new() {
    let dir = tempfile::tempdir().unwrap();
    let (path, fresh) = (dir.path().join("db"), dir.path().join("fresh"));
    let db = open(&path);
    put(&db, 0..1_000, |number| number);
    sealed(&db);
    // Three in ten go, in all parts, and come back with other vectors; some are only replaced.
    let changed = |number: u64| if number % 10 < 4 { number + 5_000 } else { number };
    for number in (0..1_000).filter(|number| number % 10 < 3) {
        assert!(db.delete(&format!("d{number}")).unwrap());
    }
    assert_eq!(db.stats().unwrap().vectors, 700);
    put(&db, (0..1_000).filter(|number| number % 10 < 4), changed);
    let other = open(&fresh);
    put(&other, 0..1_000, changed);
    sealed(&other);
    let asked = || (0..1_000).step_by(7);
    let expected = nearest(&other, asked().map(changed));
    assert_eq!(expected, names(asked()));
    assert_eq!(nearest(&db, asked().map(changed)), expected, "while some are still scanned");
    sealed(&db);
    assert_eq!(nearest(&db, asked().map(changed)), expected);
    drop(db);
    let db = open(&path);
    assert_eq!(nearest(&db, asked().map(changed)), expected);
    is_sound(&db);
}

#[test]
fn a_damaged_segment_is_built_again_while_its_vectors_are_scanned() {
    const SEGMENT_BYTES: Table<(u64, u32), Vec<u8>> = Table::new(30, "bytes of vector segments");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = open(&path);
    put(&db, 0..300, |number| number);
    sealed(&db);
    drop(db);
    let store = Store::open(&path, StoreOptions::new()).unwrap();
    let (key, _) = store.scan(&SEGMENT_BYTES).next().unwrap().unwrap();
    assert!(fuzzing::damage(&store, &SEGMENT_BYTES, &key, |value| value[200] ^= 4).unwrap());
    drop(store);
    let db = open(&path);
    assert!(db.notices().iter().any(|notice| notice.contains("built again")), "{:?}", db.notices());
    assert_eq!(nearest(&db, (0..300).step_by(29)), names((0..300).step_by(29)));
    sealed(&db);
    is_sound(&db);
    drop(db);
    let db = open(&path);
    assert_eq!(db.notices(), [] as [String; 0]);
    sealed(&db);
}

#[test]
fn a_repair_loses_the_segments_and_they_are_built_again() {
    const DOCUMENTS: Table<String, Vec<u8>> = Table::new(16, "documents");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let db = open(&path);
    put(&db, 0..300, |number| number);
    sealed(&db);
    drop(db);
    let store = Store::open(&path, StoreOptions::new()).unwrap();
    assert!(fuzzing::damage(&store, &DOCUMENTS, "d50", |value| value[30] ^= 4).unwrap());
    drop(store);
    let repaired = repair(&path, &mut |_, _, _| ()).unwrap();
    assert!(repaired.damaged, "{repaired:?}");
    assert_eq!((repaired.documents, repaired.without_vectors.len()), (300, 0), "{repaired:?}");
    let db = open(&path);
    sealed(&db);
    assert_eq!(nearest(&db, (0..300).step_by(10)), names((0..300).step_by(10)));
    is_sound(&db);
}

/// Not a test of its own: the process that ends in the middle of sealing. It stores, then deletes and stores on while segments are built.
#[test]
fn child_that_is_killed() {
    let [Some(path), Some(point)] = KILLED.map(|name| std::env::var(name).ok()) else { return };
    let (point, nth) = point.split_once(' ').unwrap();
    failpoint::end_at(point, nth.parse().unwrap());
    let db = open(Path::new(&path));
    for from in (0..600).step_by(50) {
        put(&db, from..from + 50, |number| number);
        if from >= 200 {
            db.delete(&format!("d{}", from - 130)).unwrap();
        }
        db.wait_until_sealed(|_| true).unwrap();
    }
    panic!("it did not come to {point} {nth} times");
}

#[test]
fn a_kill_at_any_step_of_sealing_loses_nothing() {
    for point in ["segment.built 1", "segment.slice 2", "segment.listed 1", "segment.built 3", "segment.listed 4"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--test-threads=1"])
            .env(KILLED[0], &path)
            .env(KILLED[1], point)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(child.code(), None, "{point}: it ended by itself");
        let db = open(&path);
        assert!(db.notices().iter().all(|notice| !notice.contains("damaged")), "{point}: {:?}", db.notices());
        let stats = db.stats().unwrap();
        assert_eq!(stats.vectors, stats.documents, "{point}");
        let there: Vec<u64> = db.document_ids().unwrap().iter().map(|id| id.as_str()[1..].parse().unwrap()).collect();
        assert!(there.len() >= 100, "{point}: {there:?}");
        assert_eq!(nearest(&db, there.clone()), names(there.clone()), "{point}");
        sealed(&db);
        assert_eq!(nearest(&db, there.clone()), names(there), "{point}");
        is_sound(&db);
        assert!(matches!(db.health(), Health::Sound | Health::Checking), "{point}: {:?}", db.health());
    }
}
