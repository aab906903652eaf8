//! Random transactions against a map in memory: the store holds the same rows at every moment and after every reopening.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use neodex_storage::{Error, Sequence, Store, StoreOptions, Table};
use proptest::collection::vec;
use proptest::prelude::*;

const TABLES: [Table<Vec<u8>, Vec<u8>>; 3] =
    [Table::new(16, "first"), Table::new(17, "second"), Table::new(255, "last")];

type Model = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

#[derive(Clone, Debug)]
enum Change {
    Put(usize, Vec<u8>, Vec<u8>),
    Remove(usize, Vec<u8>),
}

#[derive(Clone, Debug)]
enum Action {
    /// Transactions submitted together; those marked fail after their changes.
    Commit(Vec<(Vec<Change>, bool)>),
    Range(usize, Vec<u8>, Vec<u8>),
    Reopen,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few keys, so that they meet; prefixes of each other and the largest byte among them.
    vec(prop_oneof![Just(0u8), Just(7), Just(255)], 0..4)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => (0..3usize, key(), vec(any::<u8>(), 0..40)).prop_map(|(t, k, v)| Change::Put(t, k, v)),
        2 => (0..3usize, key()).prop_map(|(t, k)| Change::Remove(t, k)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let transaction = (vec(change(), 0..6), prop::bool::weighted(0.25));
    prop_oneof![
        6 => vec(transaction, 1..4).prop_map(Action::Commit),
        2 => (0..3usize, key(), key()).prop_map(|(t, a, b)| Action::Range(t, a, b)),
        1 => Just(Action::Reopen),
    ]
}

fn apply(model: &mut Model, change: &Change) -> bool {
    match change {
        Change::Put(t, k, v) => model.insert((*t, k.clone()), v.clone()).is_some(),
        Change::Remove(t, k) => model.remove(&(*t, k.clone())).is_some(),
    }
}

fn rows(model: &Model, table: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of_table = model.iter().filter(|((t, _), _)| *t == table);
    of_table.map(|((_, k), v)| (k.clone(), v.clone())).collect()
}

fn check(store: &Store, model: &Model) {
    for (at, table) in TABLES.iter().enumerate() {
        let expected = rows(model, at);
        let found: Vec<_> = store.scan(table).map(Result::unwrap).collect();
        assert_eq!(found, expected);
        assert_eq!(store.count(table), expected.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_behaves_like_a_map(actions in vec(action(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::open_or_create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap();
        let mut store = open();
        let mut model = Model::new();
        let mut last = Sequence::ZERO;
        for action in actions {
            match action {
                Action::Commit(transactions) => {
                    let mut pending = Vec::new();
                    for (changes, fails) in transactions {
                        let mut after = model.clone();
                        let existed: Vec<bool> = changes.iter().map(|change| apply(&mut after, change)).collect();
                        let expected = after.clone();
                        pending.push((fails, store.submit::<_, Error>(move |transaction| {
                            for (change, existed) in changes.iter().zip(existed) {
                                match change {
                                    Change::Put(t, k, v) => transaction.put(&TABLES[*t], k, v)?,
                                    Change::Remove(t, k) => assert_eq!(transaction.remove(&TABLES[*t], k)?, existed),
                                }
                            }
                            for (at, table) in TABLES.iter().enumerate() {
                                let seen: Vec<_> = transaction.scan(table).collect::<Result<_, _>>()?;
                                assert_eq!(seen, rows(&expected, at));
                            }
                            if fails { Err(Error::NotFound { path: "meant".into() }) } else { Ok(()) }
                        })));
                        if !fails {
                            model = after;
                        }
                    }
                    for (fails, pending) in pending {
                        match pending.wait() {
                            Ok(committed) => {
                                prop_assert!(!fails && committed.sequence > last);
                                last = committed.sequence;
                            }
                            Err(error) => prop_assert!(fails && matches!(error, Error::NotFound { .. }), "{}", error),
                        }
                    }
                }
                Action::Range(t, start, end) => {
                    let expected: Vec<_> = rows(&model, t).into_iter().filter(|(k, _)| (&start..&end).contains(&k)).collect();
                    let found: Vec<_> = store.range(&TABLES[t], start..end).unwrap().map(Result::unwrap).collect();
                    prop_assert_eq!(found, expected);
                }
                Action::Reopen => {
                    drop(store);
                    store = open();
                    prop_assert_eq!(store.last_sequence(), last);
                    prop_assert!(!store.recovered_from_crash());
                }
            }
            check(&store, &model);
        }
        let report = store.verify(&mut |_| {}).unwrap();
        prop_assert!(report.is_clean() && report.quiet, "{:?}", report);
    }
}
