//! Many writers at once: every transaction gets its own number, none loses another's update, readers see whole ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use neodex_storage::{Error, Sequence, Store, StoreOptions, Table};

const SUMS: Table<u64, u64> = Table::new(16, "sums");
const ROWS: Table<(u32, u64), u64> = Table::new(17, "rows");

const THREADS: u32 = 8;
const EACH: u64 = 60;

#[test]
fn eight_writers() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let done = AtomicBool::new(false);

    let acknowledged: Vec<Vec<Sequence>> = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Both rows of a transaction are visible, or neither is.
                for row in store.scan(&ROWS) {
                    let ((writer, at), sequence) = row.unwrap();
                    let sum = store.get(&SUMS, &(1000 + sequence)).unwrap();
                    assert_eq!(sum, Some(u64::from(writer) * EACH + at));
                }
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|writer| {
                let (store, order) = (&store, &order);
                scope.spawn(move || {
                    let commit = |at: u64| {
                        let order = Arc::clone(order);
                        let committed = store.commit::<_, Error>(move |transaction| {
                            let sum = transaction.get(&SUMS, &0)?.unwrap_or_default();
                            transaction.put(&SUMS, &0, &(sum + at))?;
                            let sequence = transaction.sequence().0;
                            let own = u64::from(writer) * EACH + at;
                            transaction.put(&SUMS, &(1000 + sequence), &own)?;
                            transaction.put(&ROWS, &(writer, at), &sequence)?;
                            transaction.after_durable(move |sequence| {
                                order.lock().unwrap().push(sequence);
                            });
                            Ok(sequence)
                        });
                        let committed = committed.unwrap();
                        assert_eq!(committed.sequence, Sequence(committed.value));
                        assert!(store.durable_sequence() >= committed.sequence);
                        committed.sequence
                    };
                    (0..EACH).map(commit).collect()
                })
            })
            .collect();
        let acknowledged = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        acknowledged
    });

    let total = u64::from(THREADS) * EACH;
    for own in &acknowledged {
        assert!(own.is_sorted_by(|a, b| a < b));
    }
    let distinct: BTreeSet<_> = acknowledged.into_iter().flatten().collect();
    assert_eq!(distinct.len() as u64, total);
    let order = order.lock().unwrap();
    assert_eq!(*order, distinct.into_iter().collect::<Vec<_>>());
    let sum = u64::from(THREADS) * EACH * (EACH - 1) / 2;
    assert_eq!(store.get(&SUMS, &0).unwrap(), Some(sum));
    assert_eq!(store.count(&ROWS), total);
    assert!(store.verify(&mut |_| {}).unwrap().is_clean());
}
