//! Snapshots and compactions are of one moment, made while others write; what is damaged or cut short is never restored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use neodex_storage::{
    Error, ErrorKind, Manifest, Sequence, Store, StoreOptions, Table, read_snapshot_manifest, restore, restore_new,
};

const ROWS: Table<u64, Vec<u8>> = Table::new(16, "rows");
const TWICE: Table<u64, u64> = Table::new(17, "twice");
const LAST: Table<String, u64> = Table::new(18, "last");

fn fields() -> BTreeMap<String, String> {
    BTreeMap::from([("dimension".to_owned(), "384".to_owned())])
}

fn options() -> StoreOptions {
    StoreOptions::new()
}

/// One transaction: a new row in each table, the row of 50 ids before goes.
fn write(store: &Store) -> u64 {
    let committed = store.commit::<u64, Error>(|transaction| {
        let id = transaction.allocate("ids", 1)?;
        transaction.put(&ROWS, &id, &vec![id as u8; 200])?;
        transaction.put(&TWICE, &id, &(2 * id))?;
        transaction.put(&LAST, "last", &id)?;
        if let Some(old) = id.checked_sub(50) {
            transaction.remove(&ROWS, &old)?;
        }
        transaction.journal(&id.to_le_bytes())?;
        Ok(id)
    });
    committed.unwrap().value
}

fn write_many(store: &Store, rows: usize) {
    for _ in 0..rows {
        write(store);
    }
}

/// Runs `work` while two threads write, and returns its outcome with the last id acknowledged before it began.
fn while_others_write<T>(store: &Store, work: impl FnOnce() -> T) -> (T, u64) {
    let done = AtomicBool::new(false);
    write_many(store, 300);
    let before = write(store);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    write(store);
                }
            });
        }
        let outcome = work();
        done.store(true, Ordering::Relaxed);
        (outcome, before)
    })
}

/// The state after one transaction and no other, with everything that was acknowledged by `at_least`.
fn check(store: &Store, at_least: u64) {
    let report = store.verify(&mut |_| {}).unwrap();
    assert!(report.is_clean() && report.quiet, "{report:?}");
    let last = store.get(&LAST, "last").unwrap().unwrap();
    assert!(last >= at_least, "{last} < {at_least}");
    let twice: Vec<(u64, u64)> = store.scan(&TWICE).map(Result::unwrap).collect();
    assert!(twice.iter().copied().eq((0..=last).map(|id| (id, 2 * id))));
    let rows: Vec<u64> = store.scan(&ROWS).map(|row| row.unwrap().0).collect();
    assert!(rows.iter().copied().eq(last.saturating_sub(49)..=last));
    assert_eq!(store.journal_since(Sequence::ZERO).unwrap().count() as u64, last + 1);
}

fn restored(snapshot: &Path, dir: &Path) -> Store {
    restore_new(&mut fs::read(snapshot).unwrap().as_slice(), dir, &options(), &mut |_| {}).unwrap();
    Store::open(dir, options()).unwrap()
}

#[test]
fn a_snapshot_is_of_one_moment_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path().join("db"), fields(), options()).unwrap();
    let file = dir.path().join("db.snapshot");
    let (info, before) = while_others_write(&store, || store.snapshot_create(&file, &mut |_| {}).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().len(), info.bytes);
    let manifest = read_snapshot_manifest(&mut fs::read(&file).unwrap().as_slice()).unwrap();
    assert_eq!(manifest, store.manifest());

    let copy = restored(&file, &dir.path().join("copy"));
    check(&copy, before);
    assert_eq!(copy.last_sequence(), info.sequence);
    assert_eq!(copy.manifest().fields, fields());
    assert_ne!(copy.manifest().database, store.manifest().database, "it goes its own way");
    assert!(!copy.recovered_from_crash());
    let last = write(&copy);
    check(&copy, last);
    let last = write(&store);
    check(&store, last);
}

#[test]
fn a_snapshot_without_writers_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path().join("db"), fields(), options()).unwrap();
    write_many(&store, 200);
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    store.snapshot_create(&first, &mut |_| {}).unwrap();
    restored(&first, &dir.path().join("copy")).snapshot_create(&second, &mut |_| {}).unwrap();
    // All but the id, which stands in the manifest (twice: at the front, and among the rows) and in the checksums.
    let rows = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let id = read_snapshot_manifest(&mut bytes.as_slice()).unwrap().database.to_string();
        let at = bytes.windows(5).position(|window| window == b"nX\x01\x10\x00").unwrap();
        assert!(!bytes[at..bytes.len() - 32].windows(id.len()).any(|window| window == id.as_bytes()));
        bytes[at..bytes.len() - 32].to_vec()
    };
    assert!(rows(&first) == rows(&second));
}

#[test]
fn no_damaged_snapshot_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path().join("db"), fields(), options()).unwrap();
    write_many(&store, 5);
    let file = dir.path().join("db.snapshot");
    store.snapshot_create(&file, &mut |_| {}).unwrap();
    let good = fs::read(&file).unwrap();
    let target = dir.path().join("copy");
    let refuse = |bytes: &[u8], what: &str| {
        let refused = restore_new(&mut &*bytes, &target, &options(), &mut |_| {}).expect_err(what);
        assert!(matches!(refused.kind(), ErrorKind::Damaged | ErrorKind::Unsupported), "{what}: {refused}");
        assert_eq!(Manifest::read(&target).unwrap(), None, "{what}: no database is left");
    };
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        refuse(&bytes, &format!("bit {at}"));
    }
    for end in (0..good.len()).step_by(97).chain([good.len() - 1]) {
        refuse(&good[..end], &format!("cut at {end}"));
    }
    refuse(b"", "nothing");
    refuse(b"neodex snapshot 9\nsomething else", "a newer one");
    // What was left lying around by those does not disturb the one that is sound.
    assert_eq!(restored(&file, &target).count(&TWICE), 5);
}

#[test]
fn restoring_over_a_database_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let store = Store::create(&path, fields(), options()).unwrap();
    write(&store);
    let file = dir.path().join("db.snapshot");
    store.snapshot_create(&file, &mut |_| {}).unwrap();
    write_many(&store, 3);
    let good = fs::read(&file).unwrap();
    let locked = restore(&mut good.as_slice(), &path, &options(), &mut |_| {}).unwrap_err();
    assert!(matches!(locked, Error::Locked { .. }));
    let exists = restore_new(&mut good.as_slice(), &path, &options(), &mut |_| {}).unwrap_err();
    assert!(matches!(exists, Error::AlreadyExists { .. }));
    drop(store);

    restore(&mut &good[..good.len() - 1], &path, &options(), &mut |_| {}).unwrap_err();
    let store = Store::open(&path, options()).unwrap();
    assert_eq!(store.count(&TWICE), 4, "the old one is as it was");
    drop(store);

    restore(&mut good.as_slice(), &path, &options(), &mut |_| {}).unwrap();
    let store = Store::open(&path, options()).unwrap();
    assert_eq!(store.count(&TWICE), 1, "an older state is not taken for a loss");
    check(&store, 0);
    drop(store);
    // Even one whose FORMAT is damaged can be restored over.
    fs::write(path.join("FORMAT"), "rubbish").unwrap();
    restore(&mut good.as_slice(), &path, &options(), &mut |_| {}).unwrap();
    check(&Store::open(&path, options()).unwrap(), 0);
    let mut left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["FORMAT", "LOCK", "store.2"]);
}

#[test]
fn a_compaction_gives_space_back_while_others_read_and_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path(), fields(), options()).unwrap();
    const FILLER: Table<u64, Vec<u8>> = Table::new(20, "filler");
    for id in 0..400 {
        store
            .commit::<_, Error>(move |tx| (0..10).try_for_each(|n| tx.put(&FILLER, &(id * 10 + n), &vec![7; 3_000])))
            .unwrap();
    }
    for id in 0..400 {
        store
            .commit::<_, Error>(move |tx| (0..10).try_for_each(|n| tx.remove(&FILLER, &(id * 10 + n)).map(drop)))
            .unwrap();
    }
    write_many(&store, 60);
    let mut reader = store.scan(&TWICE);
    assert_eq!(reader.next().unwrap().unwrap(), (0, 0));
    let (compaction, before) = while_others_write(&store, || store.compact(&mut |_| {}).unwrap());
    assert!(compaction.after_bytes * 2 < compaction.before_bytes, "{compaction:?}");
    assert!(reader.map(Result::unwrap).all(|(id, twice)| twice == 2 * id), "who was reading reads on");
    check(&store, before);
    assert_eq!(store.manifest().store, "store.1");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "FORMAT, LOCK and one store");
    let last = write(&store);
    store.compact(&mut |_| {}).unwrap();
    drop(store);
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(store.manifest().store, "store.2");
    check(&store, last);
}

#[test]
fn what_a_compaction_left_half_done_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path(), fields(), options()).unwrap();
    let last = write(&store);
    drop(store);
    for name in ["store.new", "store.7"] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("db"), b"half").unwrap();
    }
    check(&Store::open(dir.path(), options()).unwrap(), last);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}
