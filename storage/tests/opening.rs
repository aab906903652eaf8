//! Opening a folder: one opener at a time, clear words for everything that is not a database of ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use neodex_storage::{Error, ErrorKind, FORMAT_VERSION, Manifest, Store, StoreOptions, Table};

const ROWS: Table<u64, u64> = Table::new(16, "rows");

fn fields() -> BTreeMap<String, String> {
    BTreeMap::from([("dimension".to_owned(), "384".to_owned())])
}

fn create(dir: &Path) -> Store {
    Store::create(dir, fields(), StoreOptions::new()).unwrap()
}

fn open(dir: &Path) -> Result<Store, Error> {
    Store::open(dir, StoreOptions::new())
}

fn put(store: &Store, id: u64) {
    let committed = store.commit::<_, Error>(move |transaction| transaction.put(&ROWS, &id, &id));
    committed.unwrap();
}

/// The error of an open that must fail, checked to say these words.
fn refused(dir: &Path, kind: ErrorKind, words: &str) -> Error {
    let error = open(dir).expect_err("it must not open");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
    error
}

#[test]
fn creating_and_opening() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/down");
    assert!(matches!(open(&folder), Err(Error::NotFound { .. })));
    assert!(!folder.exists(), "looking must not create");
    assert_eq!(Manifest::read(&folder).unwrap(), None);

    let store = create(&folder);
    let manifest = store.manifest();
    assert_eq!((manifest.format, &manifest.fields), (FORMAT_VERSION, &fields()));
    assert_eq!(Manifest::read(&folder).unwrap(), Some(manifest.clone()));
    assert_eq!(store.path(), folder);
    assert!(store.size_on_disk().unwrap() > 0);
    drop(store);

    let again = Store::create(&folder, fields(), StoreOptions::new());
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    let other = BTreeMap::from([("dimension".to_owned(), "5".to_owned())]);
    let store = Store::open_or_create(&folder, other.clone(), StoreOptions::new()).unwrap();
    assert_eq!(store.manifest(), manifest, "an existing database keeps its fields");
    assert!(!store.recovered_from_crash());

    store.replace_fields(other.clone()).unwrap();
    let bad = BTreeMap::from([("a".to_owned(), "two\nlines".to_owned())]);
    assert!(matches!(store.replace_fields(bad), Err(Error::InvalidField { .. })));
    drop(store);
    let manifest_after = open(&folder).unwrap().manifest();
    assert_eq!(manifest_after.database, manifest.database);
    assert_eq!(manifest_after.fields, other);
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let error = refused(dir.path(), ErrorKind::Unavailable, "already open");
    assert!(matches!(error, Error::Locked { pid, .. } if pid == Some(std::process::id())));

    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_opens", "--nocapture"])
            .env("NEODEX_TEST_OPEN", dir.path())
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(child(), Some(7), "locked for another process too");
    drop(store);
    assert_eq!(child(), Some(8), "free after closing");
    assert!(!open(dir.path()).unwrap().recovered_from_crash());
}

/// Not a test of its own: the other process of the test above.
#[test]
fn child_that_opens() {
    let Some(dir) = std::env::var_os("NEODEX_TEST_OPEN") else {
        return;
    };
    let code = match open(Path::new(&dir)) {
        Err(Error::Locked { pid: Some(_), .. }) => 7,
        Ok(store) => {
            drop(store);
            8
        }
        Err(_) => 9,
    };
    std::process::exit(code);
}

#[test]
fn a_newer_database_is_named_without_opening_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(create(dir.path()));
    fs::write(dir.path().join("FORMAT"), "format = 4\nsomething = entirely different").unwrap();
    let error = refused(dir.path(), ErrorKind::Unsupported, "made by a newer neodex");
    assert!(matches!(error, Error::UnsupportedFormat { found: 4, supported: 3, .. }));
    assert!(matches!(Manifest::read(dir.path()), Err(Error::UnsupportedFormat { .. })));
}

#[test]
fn a_damaged_manifest_is_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(create(dir.path()));
    let path = dir.path().join("FORMAT");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("384", "385")).unwrap();
    refused(dir.path(), ErrorKind::Damaged, "checksum does not fit");
    fs::write(&path, "").unwrap();
    refused(dir.path(), ErrorKind::Damaged, "not a format number");
    fs::remove_file(&path).unwrap();
    refused(dir.path(), ErrorKind::Damaged, "although there is a store");
    let fresh = Store::open_or_create(dir.path(), fields(), StoreOptions::new());
    assert_eq!(fresh.unwrap_err().kind(), ErrorKind::Damaged, "never written over");
    fs::write(&path, good).unwrap();
    assert!(!open(dir.path()).unwrap().recovered_from_crash());
}

#[test]
fn a_lost_or_foreign_store_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    drop(create(&ours));
    drop(create(&theirs));
    fs::rename(ours.join("store"), dir.path().join("kept")).unwrap();
    refused(&ours, ErrorKind::Damaged, "`db` is missing");
    fs::create_dir(ours.join("store")).unwrap();
    refused(&ours, ErrorKind::Damaged, "`db` is missing");
    fs::write(ours.join("store/db"), b"").unwrap();
    refused(&ours, ErrorKind::Damaged, "does not say which database");
    fs::remove_dir_all(ours.join("store")).unwrap();
    fs::rename(theirs.join("store"), ours.join("store")).unwrap();
    refused(&ours, ErrorKind::Damaged, "belongs to database");
    fs::remove_dir_all(ours.join("store")).unwrap();
    fs::rename(dir.path().join("kept"), ours.join("store")).unwrap();
    open(&ours).unwrap();
}

#[test]
fn a_creation_that_was_cut_short_is_finished_or_begun_afresh() {
    let dir = tempfile::tempdir().unwrap();
    // Cut short before the manifest: rubbish is swept away.
    fs::create_dir(dir.path().join("store.new")).unwrap();
    fs::write(dir.path().join("store.new/db"), b"half").unwrap();
    assert!(matches!(open(dir.path()), Err(Error::NotFound { .. })));
    let store = create(dir.path());
    put(&store, 1);
    drop(store);
    // Cut short after it, before the store got its name.
    fs::rename(dir.path().join("store"), dir.path().join("store.new")).unwrap();
    assert_eq!(open(dir.path()).unwrap().count(&ROWS), 1);
}

#[test]
fn a_file_in_place_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"text").unwrap();
    assert!(open(&file).is_err());
    assert!(Store::create(&file, fields(), StoreOptions::new()).is_err());
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn a_damaged_sled_file_is_noticed_and_never_gives_wrong_rows() {
    const ROUNDS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    for id in 0..ROUNDS {
        put(&store, id);
    }
    drop(store);
    let log = dir.path().join("store/db");
    let good = fs::read(&log).unwrap();
    let note = fs::read(dir.path().join("LOCK")).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    for trial in 0..12 {
        let mut bytes = good.clone();
        bytes[(used / 12) * trial + 17] ^= 0x20;
        fs::remove_dir_all(dir.path().join("store")).unwrap();
        fs::create_dir(dir.path().join("store")).unwrap();
        fs::write(&log, bytes).unwrap();
        fs::write(dir.path().join("LOCK"), &note).unwrap();
        match open(dir.path()) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{error}"),
            Ok(store) => {
                let rows: Vec<_> = store.scan(&ROWS).flatten().collect();
                assert!(rows.iter().all(|(key, value)| key == value));
                let report = store.verify(&mut |_| {});
                let clean = report.is_ok_and(|report| report.is_clean());
                assert!(!clean || rows.len() as u64 == ROUNDS, "{} rows", rows.len());
            }
        }
    }
}

#[test]
fn a_store_that_went_back_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, lock) = (dir.path().join("store/db"), dir.path().join("LOCK"));
    let store = create(dir.path());
    put(&store, 1);
    drop(store);
    let earlier = fs::read(&log).unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, 2);
    drop(store);
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    fs::create_dir(dir.path().join("store")).unwrap();
    fs::write(&log, earlier).unwrap();
    for _ in 0..2 {
        refused(dir.path(), ErrorKind::Damaged, "ends at transaction 1, but 2 were on the disk");
    }
    let store = Store::open(dir.path(), StoreOptions::new().accept_loss(true)).unwrap();
    assert!(!store.recovered_from_crash());
    assert_eq!(store.count(&ROWS), 1);
    put(&store, 3);
    assert_eq!(store.last_sequence().0, 3, "the lost number is not given again");
    drop(store);
    assert_eq!(open(dir.path()).unwrap().count(&ROWS), 2);

    // What the note of a database that is gone says does not count for a new one.
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    fs::remove_file(dir.path().join("FORMAT")).unwrap();
    assert!(fs::read_to_string(&lock).unwrap().contains("closed, transaction 3"));
    assert_eq!(create(dir.path()).last_sequence().0, 0);
}
