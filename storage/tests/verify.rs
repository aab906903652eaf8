//! `verify` finds what was changed behind the store's back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use neodex_storage::{Error, ErrorKind, Miscount, Report, Sequence, Store, StoreOptions, Table};

const ROWS: Table<String, Vec<u8>> = Table::new(16, "rows");

/// A database with three rows and three journal entries, the second of two parts.
fn create(dir: &Path) {
    let store = Store::create(dir, BTreeMap::new(), StoreOptions::new()).unwrap();
    for (at, key) in ["a", "b", "c"].into_iter().enumerate() {
        let committed = store.commit::<_, Error>(move |transaction| {
            transaction.journal(&vec![1; if at == 1 { 5000 } else { 5 }])?;
            transaction.put(&ROWS, key, &key.as_bytes().to_vec())
        });
        committed.unwrap();
    }
}

/// Changes sled's rows directly, then opens the store and verifies.
fn tamper(change: impl FnOnce(&sled::Db)) -> (Store, Report, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let db = sled::open(dir.path().join("store")).unwrap();
    change(&db);
    db.flush().unwrap();
    drop(db);
    let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
    let report = store.verify(&mut |_| {}).unwrap();
    (store, report, dir)
}

#[test]
fn a_sound_store_is_clean() {
    let mut last = 0;
    let (store, report, _dir) = tamper(|_| {});
    assert!(report.is_clean() && report.quiet, "{report:?}");
    store.verify(&mut |values| last = values).unwrap();
    assert_eq!(last, report.values);
    // Three rows, four journal parts, the sequence, two counts, the identity and the manifest.
    assert_eq!(report.values, 12);
    assert!(report.bytes > 5000);
}

#[test]
fn a_changed_value_is_found_and_never_read() {
    let (store, report, _dir) = tamper(|db| {
        let mut value = db.get(b"\x10b").unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        db.insert(b"\x10b", value).unwrap();
    });
    let [fault] = &report.faults[..] else {
        panic!("{report:?}");
    };
    assert_eq!((fault.table, fault.key.as_str()), (16, "\"b\""));
    assert!(report.miscounts.is_empty());

    let error = store.get(&ROWS, "b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("table rows, key \"b\""), "{error}");
    let scanned: Vec<bool> = store.scan(&ROWS).map(|row| row.is_ok()).collect();
    assert_eq!(scanned, [true, false, true], "the rows after it are still read");
    // It can be replaced.
    let committed = store.commit::<_, Error>(|transaction| transaction.put(&ROWS, "b", &vec![2]));
    committed.unwrap();
    assert!(store.verify(&mut |_| {}).unwrap().is_clean());
}

#[test]
fn a_value_under_another_key_is_found() {
    let (store, report, _dir) = tamper(|db| {
        let value = db.get(b"\x10b").unwrap().unwrap();
        db.insert(b"\x10a", value).unwrap();
    });
    assert_eq!(report.faults.len(), 1);
    assert!(store.get(&ROWS, "a").unwrap_err().to_string().contains("belongs to key \"b\""));
}

#[test]
fn a_lost_row_is_found() {
    let (_, report, _dir) = tamper(|db| drop(db.remove(b"\x10b").unwrap()));
    let lost = Miscount { table: 16, expected: 3, found: 2 };
    assert_eq!(report.miscounts, [lost]);
    assert!(!report.is_clean());
}

#[test]
fn a_journal_entry_with_a_part_missing_is_found_and_ends_the_replay() {
    for lost in [0u8, 1] {
        let (store, report, _dir) = tamper(|db| {
            let mut key = vec![0];
            key.extend_from_slice(&2u64.to_be_bytes());
            key.extend_from_slice(&[0, 0, 0, lost]);
            assert!(db.remove(key).unwrap().is_some());
        });
        assert!(!report.faults.is_empty(), "{report:?}");
        assert_eq!(report.faults[0].table, 0);
        let mut entries = store.journal_since(Sequence::ZERO).unwrap();
        assert_eq!(entries.next().unwrap().unwrap().0, Sequence(1));
        let error = entries.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(entries.next().is_none());
    }
}

#[test]
fn a_transaction_under_way_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path());
    let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let key = format!("new {number}");
                store.commit::<(), Error>(move |transaction| transaction.put(&ROWS, &key, &vec![7; 9])).unwrap();
                number += 1;
            }
            number
        });
        let faults = (0..300).find_map(|_| {
            let report = store.verify(&mut |_| {}).unwrap();
            (!report.is_clean()).then_some(report)
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(faults, None);
        assert!(writer.join().unwrap() > 0);
    });
}

/// It could not be restored, and nobody would know before it had to be.
#[test]
fn a_snapshot_that_lacks_rows_is_not_made() {
    let (store, report, dir) = tamper(|db| {
        db.remove(b"\x10b").unwrap();
    });
    assert!(!report.is_clean());
    let file = dir.path().join("copy.snapshot");
    let error = store.snapshot_create(&file, &mut |_| {}).unwrap_err();
    let (kind, reason) = (error.kind(), error.to_string());
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(reason.contains("table 16 has 3 rows, of which 2 were read"), "{reason}");
    assert!(!file.exists());
}
