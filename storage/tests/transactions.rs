//! A transaction is all or nothing, sees what was written before it, and carries counts, counters and journal along.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use neodex_storage::{
    Error, ErrorKind, MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, PartTable, Sequence, Store, StoreOptions, Table, part_count,
};
use tempfile::TempDir;

const NAMES: Table<u64, String> = Table::new(16, "names");
const BY_NAME: Table<String, u64> = Table::new(17, "by_name");
const TEXTS: PartTable = Table::new(18, "texts");
const RAW: Table<Vec<u8>, Vec<u8>> = Table::new(255, "raw");

fn open(dir: &TempDir) -> Store {
    Store::open_or_create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap()
}

fn new() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    (dir, store)
}

fn put(store: &Store, id: u64, name: &str) -> Sequence {
    let name = name.to_owned();
    let committed = store.commit::<_, Error>(move |transaction| {
        transaction.put(&NAMES, &id, &name)?;
        transaction.put(&BY_NAME, &name, &id)
    });
    committed.unwrap().sequence
}

#[test]
fn rows_are_there_after_reopening() {
    let (dir, store) = new();
    let first = put(&store, 1, "one");
    assert_eq!(first, Sequence(1));
    let second = put(&store, 2, "two");
    drop(store);

    let store = open(&dir);
    assert!(!store.recovered_from_crash());
    assert_eq!(store.last_sequence(), second);
    assert_eq!(store.durable_sequence(), second);
    assert_eq!(store.get(&NAMES, &1).unwrap().as_deref(), Some("one"));
    assert_eq!(store.get(&BY_NAME, "two").unwrap(), Some(2));
    assert!(store.contains(&BY_NAME, "one").unwrap());
    assert_eq!(store.get(&NAMES, &3).unwrap(), None);
    assert_eq!(store.count(&NAMES), 2);
    assert!(put(&store, 3, "three") > second);
}

#[test]
fn a_failed_closure_leaves_no_trace() {
    let (_dir, store) = new();
    put(&store, 1, "one");
    let outcome = store.commit::<(), Error>(|transaction| {
        transaction.put(&NAMES, &2, &"two".to_owned())?;
        transaction.remove(&NAMES, &1)?;
        transaction.allocate("ids", 10)?;
        transaction.journal(b"entry")?;
        transaction.after_durable(|_| panic!("must not run"));
        Err(Error::NotFound { path: "x".into() })
    });
    assert!(matches!(outcome, Err(Error::NotFound { .. })));
    assert_eq!(store.scan(&NAMES).count(), 1);
    assert_eq!(store.count(&NAMES), 1);
    assert_eq!(store.journal_since(Sequence::ZERO).unwrap().count(), 0);
    let first = store.commit::<_, Error>(|transaction| transaction.allocate("ids", 1));
    assert_eq!(first.unwrap().value, 0);
}

#[test]
fn a_panicking_closure_is_reported_and_the_others_go_on() {
    let (_dir, store) = new();
    let outcome = store.commit::<(), Error>(|transaction| {
        transaction.put(&NAMES, &2, &"two".to_owned())?;
        panic!("a bug in the closure");
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains("a bug in the closure"), "{error}");
    put(&store, 1, "one");
    assert_eq!(store.count(&NAMES), 1);
}

#[test]
fn committing_from_within_a_transaction_is_refused() {
    let (_dir, store) = new();
    let inner = store.clone();
    let outcome = store.commit::<_, Error>(move |_| Ok(inner.commit::<(), Error>(|_| Ok(())))).unwrap();
    assert_eq!(outcome.value.unwrap_err().kind(), ErrorKind::Internal);
}

#[test]
fn a_transaction_sees_its_own_changes_in_order() {
    let (_dir, store) = new();
    for (id, name) in [(1, "one"), (2, "two"), (3, "three"), (5, "five")] {
        put(&store, id, name);
    }
    let seen = store
        .commit::<_, Error>(|transaction| {
            assert!(transaction.remove(&NAMES, &2)?);
            assert!(!transaction.remove(&NAMES, &2)?);
            assert!(!transaction.remove(&NAMES, &9)?);
            transaction.put(&NAMES, &3, &"THREE".to_owned())?;
            transaction.put(&NAMES, &4, &"four".to_owned())?;
            assert_eq!(transaction.get(&NAMES, &2)?, None);
            assert_eq!(transaction.get(&NAMES, &4)?.as_deref(), Some("four"));
            assert!(!transaction.contains(&NAMES, &2)?);
            let all: Vec<_> = transaction.scan(&NAMES).collect::<Result<_, _>>()?;
            let some: Vec<_> = transaction.range(&NAMES, 2..4)?.collect::<Result<_, _>>()?;
            let prefix: Vec<_> = transaction.prefix(&BY_NAME, "t").collect::<Result<_, _>>()?;
            Ok((all, some, prefix))
        })
        .unwrap();
    let row = |id: u64, name: &str| (id, name.to_owned());
    let (all, some, prefix) = seen.value;
    let expected = [row(1, "one"), row(3, "THREE"), row(4, "four"), row(5, "five")];
    assert_eq!(all, expected);
    assert_eq!(some, [row(3, "THREE")]);
    assert_eq!(prefix, [("three".to_owned(), 3), ("two".to_owned(), 2)]);
    let stored: Vec<_> = store.scan(&NAMES).map(Result::unwrap).collect();
    assert_eq!(stored, expected);
}

#[test]
fn ranges_hold_what_they_say_and_tables_do_not_mix() {
    let (_dir, store) = new();
    for id in 0..10 {
        put(&store, id, &format!("n{id}"));
    }
    store
        .commit::<_, Error>(|transaction| {
            transaction.put(&RAW, &[255u8, 255][..], &vec![1])?;
            transaction.put(&RAW, &[][..], &vec![2])
        })
        .unwrap();
    let ids = |rows: neodex_storage::Rows<u64, String>| -> Vec<u64> { rows.map(|row| row.unwrap().0).collect() };
    assert_eq!(ids(store.range(&NAMES, 3..5).unwrap()), [3, 4]);
    assert_eq!(ids(store.range(&NAMES, 3..=5).unwrap()), [3, 4, 5]);
    assert_eq!(ids(store.range(&NAMES, 8..).unwrap()), [8, 9]);
    assert_eq!(ids(store.range(&NAMES, ..2).unwrap()), [0, 1]);
    let backwards = std::ops::Range { start: 5, end: 3 };
    assert!(ids(store.range(&NAMES, backwards).unwrap()).is_empty());
    assert!(ids(store.range(&NAMES, 5..5).unwrap()).is_empty());
    assert_eq!(store.scan(&BY_NAME).count(), 10);
    assert_eq!(store.scan(&RAW).count(), 2);
    assert_eq!(store.prefix(&BY_NAME, "n7").count(), 1);
    assert_eq!(store.prefix(&BY_NAME, "").count(), 10);
}

#[test]
fn counts_follow_replacements_and_removals() {
    let (dir, store) = new();
    put(&store, 1, "one");
    put(&store, 1, "uno");
    assert_eq!((store.count(&NAMES), store.count(&BY_NAME)), (1, 2));
    store
        .commit::<_, Error>(|transaction| {
            transaction.remove(&NAMES, &1)?;
            transaction.put(&NAMES, &1, &"again".to_owned())?;
            transaction.remove(&BY_NAME, "one")
        })
        .unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!((store.count(&NAMES), store.count(&BY_NAME)), (1, 1));
}

#[test]
fn counters_never_give_a_number_twice() {
    let (dir, store) = new();
    let take = |store: &Store, n| {
        let taken = store.commit::<_, Error>(move |transaction| transaction.allocate("ids", n));
        taken.unwrap().value
    };
    assert_eq!(take(&store, 3), 0);
    assert_eq!(take(&store, 1), 3);
    drop(store);
    assert_eq!(take(&open(&dir), 1), 4);
}

#[test]
fn the_journal_is_replayed_in_order_and_trimmed() {
    let (dir, store) = new();
    let lengths = [0, 1, MAX_PAYLOAD_BYTES - 4, MAX_PAYLOAD_BYTES - 3, 20_000];
    for (at, length) in lengths.into_iter().enumerate() {
        let payload = vec![at as u8; length];
        let committed = store.commit::<_, Error>(move |transaction| {
            transaction.journal(&payload)?;
            let second = transaction.journal(b"second");
            assert!(matches!(second, Err(Error::SecondJournalEntry { .. })));
            Ok(())
        });
        committed.unwrap();
        put(&store, 1, "a transaction without an entry");
    }
    drop(store);
    let store = open(&dir);
    let entries = |since| -> Vec<(Sequence, Vec<u8>)> {
        let entries = store.journal_since(since).unwrap();
        entries.map(Result::unwrap).collect()
    };
    let all = entries(Sequence::ZERO);
    let found: Vec<usize> = all.iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!(found, lengths);
    for (at, (sequence, payload)) in all.iter().enumerate() {
        assert_eq!(*sequence, Sequence(1 + 2 * at as u64));
        assert!(payload.iter().all(|byte| usize::from(*byte) == at));
    }
    assert_eq!(entries(all[2].0), all[3..]);

    assert_eq!(store.trim_journal(all[2].0).unwrap(), 3);
    assert_eq!(entries(Sequence::ZERO), all[3..]);
    assert_eq!(store.trim_journal(all[2].0).unwrap(), 0);
    store.trim_journal(Sequence(u64::MAX)).unwrap();
    assert!(entries(Sequence::ZERO).is_empty());
    assert!(store.verify(&mut |_| {}).unwrap().is_clean());
}

#[test]
fn long_byte_strings_live_in_parts() {
    let (_dir, store) = new();
    let bytes: Vec<u8> = (0..20_000u32).map(|n| (n % 251) as u8).collect();
    for length in [0, 1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 20_000, 5000] {
        let text = bytes[..length].to_vec();
        let parts = store
            .commit::<_, Error>(move |transaction| {
                let parts = transaction.put_parts(&TEXTS, 7, &text)?;
                assert_eq!(transaction.get_parts(&TEXTS, 7, parts)?, text);
                transaction.put_parts(&TEXTS, 8, b"a neighbour")?;
                Ok(parts)
            })
            .unwrap()
            .value;
        assert_eq!(parts as usize, part_count(length));
        assert_eq!(store.get_parts(&TEXTS, 7, parts).unwrap(), bytes[..length]);
        // Nothing is left of the longer one before.
        assert_eq!(store.count(&TEXTS), u64::from(parts) + 1);
    }
    let missing = store.get_parts(&TEXTS, 7, 3).unwrap_err();
    assert!(missing.to_string().contains("part 2 of 3 is missing"), "{missing}");
    store
        .commit::<_, Error>(|transaction| {
            assert_eq!(transaction.remove_parts(&TEXTS, 7)?, 2);
            assert_eq!(transaction.remove_parts(&TEXTS, 7)?, 0);
            Ok(())
        })
        .unwrap();
    assert_eq!(store.count(&TEXTS), 1);
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let (_dir, store) = new();
    store
        .commit::<_, Error>(|transaction| {
            let value = transaction.put(&RAW, &b"k"[..], &vec![0; MAX_PAYLOAD_BYTES + 1]);
            assert!(matches!(value, Err(Error::ValueTooLarge { found: 3841, limit: 3840, .. })));
            let key = transaction.put(&RAW, &vec![0; MAX_KEY_BYTES + 1], &vec![]);
            assert!(matches!(key, Err(Error::KeyTooLarge { found: 1025, limit: 1024, .. })));
            transaction.put(&RAW, &vec![0; MAX_KEY_BYTES], &vec![0; MAX_PAYLOAD_BYTES])
        })
        .unwrap();
    assert!(store.get(&RAW, &vec![0; MAX_KEY_BYTES + 1]).is_err());
    assert_eq!(store.count(&RAW), 1);
}

#[test]
fn callbacks_run_in_order_once_durable_and_before_the_waiter_goes_on() {
    let (_dir, store) = new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pending: Vec<_> = (0..50)
        .map(|id| {
            let (seen, watched) = (Arc::clone(&seen), store.clone());
            store.submit::<_, Error>(move |transaction| {
                transaction.put(&NAMES, &id, &"x".to_owned())?;
                transaction.after_durable(move |sequence| {
                    assert!(watched.durable_sequence() >= sequence);
                    assert!(watched.contains(&NAMES, &id).unwrap());
                    seen.lock().unwrap().push(sequence);
                });
                Ok(())
            })
        })
        .collect();
    for pending in pending {
        let sequence = pending.wait().unwrap().sequence;
        assert!(seen.lock().unwrap().contains(&sequence));
    }
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, (1..=50).map(Sequence).collect::<Vec<_>>());
}

#[test]
fn what_was_accepted_is_done_before_the_store_closes() {
    let (dir, store) = new();
    for id in 0..100 {
        // Not waited for.
        let _ = store.submit::<_, Error>(move |transaction| transaction.put(&NAMES, &id, &"x".to_owned()));
    }
    drop(store);
    let store = open(&dir);
    assert!(!store.recovered_from_crash());
    assert_eq!(store.count(&NAMES), 100);
}

#[test]
fn a_scan_keeps_the_store_open() {
    let (dir, store) = new();
    put(&store, 1, "one");
    let mut rows = store.scan(&NAMES);
    drop(store);
    assert!(matches!(Store::open(dir.path(), StoreOptions::new()), Err(Error::Locked { .. })));
    assert_eq!(rows.next().unwrap().unwrap().0, 1);
    drop(rows);
    assert_eq!(open(&dir).count(&NAMES), 1);
}
