//! Rows are carved out of a store that sled will not open: all of them but those on the damaged bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use neodex_storage::{Error, Rebuild, Sequence, Store, StoreOptions, Table};

const ROWS: Table<u64, Vec<u8>> = Table::new(16, "rows");
const OTHER: Table<String, u64> = Table::new(17, "other");
const ROW_COUNT: u64 = 300;

fn create(dir: &Path) -> Sequence {
    let fields = BTreeMap::from([("dimension".to_owned(), "384".to_owned())]);
    let store = Store::create(dir, fields, StoreOptions::new()).unwrap();
    for round in 0..2u64 {
        for id in 0..ROW_COUNT {
            let put = move |transaction: &mut neodex_storage::Transaction<'_>| {
                transaction.put(&ROWS, &id, &payload(id, round))?;
                transaction.put(&OTHER, &format!("name {id}"), &id)?;
                let next = transaction.allocate("ids", 1)?;
                assert_eq!(next, round * ROW_COUNT + id);
                Ok(())
            };
            store.commit::<_, Error>(put).unwrap();
        }
    }
    store.last_sequence()
}

fn payload(id: u64, round: u64) -> Vec<u8> {
    vec![(id + round) as u8; 100 + (id % 1_000) as usize]
}

/// Carves what is there and puts it in the old one's place.
fn repair(dir: &Path) -> neodex_storage::Carved {
    let rebuild = Rebuild::begin(dir).unwrap();
    let carved = rebuild.carve(&StoreOptions::new(), &|_| true, &mut |_, _| {}).unwrap();
    assert!(rebuild.adopt(true).unwrap().unwrap().exists());
    carved
}

/// The ids whose newest row is there. None may be anything but what was written once.
fn newest(store: &Store) -> BTreeSet<u64> {
    let mut newest = BTreeSet::new();
    for row in store.scan(&ROWS) {
        let (id, bytes) = row.unwrap();
        assert!(bytes == payload(id, 0) || bytes == payload(id, 1), "row {id}");
        if bytes == payload(id, 1) {
            newest.insert(id);
        }
    }
    newest
}

#[test]
fn a_sound_store_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let last = create(dir.path());
    let before = fs::read(dir.path().join("store/db")).unwrap();
    let carved = repair(dir.path());
    assert_eq!((carved.rows, carved.newest, carved.manifest_found), (2 * ROW_COUNT, last, None));
    let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
    assert_eq!(newest(&store).len() as u64, ROW_COUNT);
    assert_eq!(store.count(&OTHER), ROW_COUNT);
    assert!(store.verify(&mut |_| {}).unwrap().is_clean());
    let next = store.commit::<u64, Error>(|transaction| transaction.allocate("ids", 1)).unwrap();
    assert_eq!(next.value, 2 * ROW_COUNT, "no number is given twice");
    assert!(next.sequence > last);
    drop(store);
    assert!(fs::read(dir.path().join("damaged.1/db")).unwrap() == before, "the old store is kept as it was");
}

#[test]
fn damage_costs_the_rows_it_lies_on_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    create(&original);
    let good = fs::read(original.join("store/db")).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    for trial in 0..8 {
        let path = dir.path().join(format!("trial {trial}"));
        fs::create_dir_all(path.join("store")).unwrap();
        for name in ["FORMAT", "LOCK"] {
            fs::copy(original.join(name), path.join(name)).unwrap();
        }
        // A hole of 4 KiB at a place of its own.
        let mut bytes = good.clone();
        let at = used / 8 * trial;
        bytes[at..(at + 4_096).min(used)].fill(0xA5);
        fs::write(path.join("store/db"), bytes).unwrap();
        repair(&path);
        let store = Store::open(&path, StoreOptions::new()).unwrap();
        assert!(store.verify(&mut |_| {}).unwrap().is_clean());
        let lost = ROW_COUNT - newest(&store).len() as u64;
        assert!(lost <= 4_096 / 128 + 2, "trial {trial}: {lost} lost");
    }
}

#[test]
fn a_lost_manifest_is_found_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    for damage in ["", "rubbish"] {
        match damage {
            "" => fs::remove_file(dir.path().join("FORMAT")).unwrap(),
            rubbish => fs::write(dir.path().join("FORMAT"), rubbish).unwrap(),
        }
        assert!(Store::open(dir.path(), StoreOptions::new()).is_err());
        assert_eq!(repair(dir.path()).manifest_found, Some(true));
        let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
        assert_eq!(store.manifest().fields.get("dimension").map(String::as_str), Some("384"));
        assert_eq!(newest(&store).len() as u64, ROW_COUNT);
    }
}

#[test]
fn older_copies_are_found_for_those_who_ask() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let rebuild = Rebuild::begin(dir.path()).unwrap();
    let copies = rebuild.copies(&ROWS, &BTreeSet::from([ROW_COUNT - 1])).unwrap();
    assert!(copies.iter().any(|(_, _, bytes)| *bytes == payload(ROW_COUNT - 1, 1)));
    assert!(copies.iter().all(|(id, sequence, _)| *id == ROW_COUNT - 1 && *sequence > Sequence::ZERO));
}
