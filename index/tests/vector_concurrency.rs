//! Searches beside writers: each search sees one moment, and what is never removed is always found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use neodex_index::Key;
use neodex_index::vector::{Code, Distance, Query, VectorSet};

#[test]
fn a_search_never_misses_what_stays() {
    // Removals move the last row about, and these move across chunks: a search that saw half a move would miss a row or see it twice.
    const KEPT: u64 = 600;
    const DIMENSION: usize = 4096;
    let vector = |key: u64| {
        let mut vector = vec![0.0; DIMENSION];
        vector[key as usize % DIMENSION] = 1.0;
        Code::encode(&vector).unwrap()
    };
    let set = VectorSet::new(DIMENSION, Distance::DotProduct).unwrap();
    set.insert_many((0..KEPT).map(|key| (Key(2 * key), vector(key)))).unwrap();
    let done = AtomicBool::new(false);
    let query = Query::new(&[1.0; DIMENSION]).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20 {
                for key in 0..100 {
                    set.insert(Key(2 * key + 1), &vector(key + round)).unwrap();
                    // Taken out and put back under its own key: the kept rows change places all the time.
                    set.insert(Key(2 * key), &vector(key)).unwrap();
                }
                assert_eq!(set.remove_range(0..3), 3);
                set.insert_many([(Key(0), vector(0)), (Key(2), vector(1)), (Key(1), vector(2))]).unwrap();
                for key in (0..100).rev() {
                    assert!(set.remove(Key(2 * key + 1)));
                }
            }
            done.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let last = done.load(Ordering::Acquire);
                    let mut keys: Vec<u64> =
                        set.candidates(&query, 1_000, None).unwrap().iter().map(|found| found.key.0).collect();
                    keys.sort_unstable();
                    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "a row seen twice");
                    let kept = keys.iter().filter(|&&key| key % 2 == 0 && key > 2).count();
                    assert_eq!(kept as u64, KEPT - 2, "a row missed");
                    if last {
                        break;
                    }
                }
            });
        }
    });
    assert_eq!(set.len() as u64, KEPT);
}

/// A search inside rayon's pool while a writer waits for the lock: with a lock held across the scan this would hang.
#[test]
fn searches_may_run_inside_rayon() {
    use rayon::prelude::*;

    let set = VectorSet::new(8, Distance::Cosine).unwrap();
    let vector = |key: u64| Code::encode(&[key as f32 + 1.0, 1.0, 0.5, 0.25, 3.0, 2.0, 1.5, 9.0]).unwrap();
    set.insert_many((0..30_000).map(|key| (Key(key), vector(key)))).unwrap();
    let query = Query::new(&[1.0; 8]).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for key in (0..u64::MAX).take_while(|_| !done.load(Ordering::Acquire)) {
                set.insert(Key(key % 30_000), &vector(key)).unwrap();
            }
        });
        let found = (0..200).into_par_iter().map(|_| set.candidates(&query, 5, None).unwrap().len()).min();
        done.store(true, Ordering::Release);
        assert!(found.is_some_and(|fewest| fewest >= 5));
    });
}
