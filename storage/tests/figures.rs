//! Figures, not promises: how fast the store commits and scans on this machine. Run with `-- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use neodex_storage::{Error, Store, StoreOptions, Table};

const ROWS: Table<(u32, u64), Vec<u8>> = Table::new(16, "rows");

#[test]
#[ignore = "a measurement"]
fn commits_a_second() {
    for (threads, each) in [(1u32, 2000u64), (16, 1000)] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap();
        let start = Instant::now();
        thread::scope(|scope| {
            for writer in 0..threads {
                let store = &store;
                scope.spawn(move || {
                    for at in 0..each {
                        let row = vec![(at % 251) as u8; 1024];
                        let committed =
                            store.commit::<_, Error>(move |transaction| transaction.put(&ROWS, &(writer, at), &row));
                        committed.unwrap();
                    }
                });
            }
        });
        let commits = u64::from(threads) * each;
        let seconds = start.elapsed().as_secs_f64();
        println!("{threads} threads: {:.0} commits/s of 1 KB rows", commits as f64 / seconds);
    }
}

#[test]
#[ignore = "a measurement"]
fn scanning_a_hundred_thousand_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap();
    let start = Instant::now();
    for batch in 0..100u64 {
        let committed = store.commit::<_, Error>(move |transaction| {
            for at in 0..1000 {
                let id = batch * 1000 + at;
                transaction.put(&ROWS, &(0, id), &vec![(id % 251) as u8; 450])?;
            }
            Ok(())
        });
        committed.unwrap();
    }
    println!("written in {:.2} s", start.elapsed().as_secs_f64());
    println!("{} bytes on disk", store.size_on_disk().unwrap());
    drop(store);

    let start = Instant::now();
    let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
    println!("opened in {:.3} s", start.elapsed().as_secs_f64());
    for pass in ["cold", "warm"] {
        let start = Instant::now();
        let bytes: usize = store.scan(&ROWS).map(|row| row.unwrap().1.len()).sum();
        println!("{pass} scan of {bytes} bytes in {:.3} s", start.elapsed().as_secs_f64());
    }
    let start = Instant::now();
    assert!(store.verify(&mut |_| {}).unwrap().is_clean());
    println!("verified in {:.3} s", start.elapsed().as_secs_f64());
}
