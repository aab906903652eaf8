//! After a failed write nothing more is written, what was acknowledged can be read, and reopening brings it back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use neodex_storage::failpoint::{Failpoint, Step};
use neodex_storage::{Error, ErrorKind, Sequence, Store, StoreOptions, Table};

const ROWS: Table<u64, u64> = Table::new(16, "rows");

fn put(store: &Store, id: u64) -> Result<Sequence, Error> {
    let committed = store.commit::<_, Error>(move |transaction| transaction.put(&ROWS, &id, &id));
    committed.map(|committed| committed.sequence)
}

#[test]
fn a_failure_at_any_step_poisons_the_store() {
    for step in [Step::Apply, Step::Flush, Step::Sync] {
        let dir = tempfile::tempdir().unwrap();
        let failpoint = Failpoint::default();
        let options = StoreOptions::new().failpoint(failpoint.clone());
        let store = Store::create(dir.path(), BTreeMap::new(), options).unwrap();
        put(&store, 1).unwrap();

        failpoint.arm(step);
        let failed = put(&store, 2).unwrap_err();
        assert!(matches!(failed, Error::WriteFailed { .. }), "{failed}");
        assert_eq!(failed.kind(), ErrorKind::Unavailable);
        assert_eq!(store.durable_sequence(), Sequence(1));

        let refused = put(&store, 3).unwrap_err();
        assert!(matches!(refused, Error::Poisoned { .. }), "{refused}");
        assert!(refused.to_string().contains("failed on purpose"), "{refused}");
        assert!(matches!(store.replace_fields(BTreeMap::new()), Err(Error::Poisoned { .. })));
        assert_eq!(store.get(&ROWS, &1).unwrap(), Some(1));
        drop(store);

        let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
        assert!(store.recovered_from_crash(), "it was not closed cleanly");
        assert_eq!(store.get(&ROWS, &1).unwrap(), Some(1));
        assert_eq!(store.get(&ROWS, &3).unwrap(), None);
        assert_eq!(store.count(&ROWS), store.scan(&ROWS).count() as u64);
        assert!(put(&store, 3).unwrap() > Sequence(1));
        assert!(store.verify(&mut |_| {}).unwrap().is_clean());
    }
}

#[test]
fn a_closure_that_fails_by_itself_poisons_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let failpoint = Failpoint::default();
    let options = StoreOptions::new().failpoint(failpoint.clone());
    let store = Store::create(dir.path(), BTreeMap::new(), options).unwrap();
    failpoint.arm(Step::Apply);
    let own = store.commit::<(), Error>(|_| Err(Error::NotFound { path: "own".into() }));
    assert!(matches!(own, Err(Error::NotFound { .. })), "there was nothing to write");
    failpoint.arm(Step::Sync);
    assert!(put(&store, 1).is_err());
}

#[test]
fn a_panicking_callback_poisons_the_store_but_its_transaction_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path(), BTreeMap::new(), StoreOptions::new()).unwrap();
    let committed = store.commit::<_, Error>(|transaction| {
        transaction.after_durable(|_| panic!("the index is lost"));
        transaction.put(&ROWS, &1, &1)
    });
    assert_eq!(committed.unwrap().sequence, Sequence(1));
    let refused = put(&store, 2).unwrap_err();
    assert!(refused.to_string().contains("the index is lost"), "{refused}");
    drop(store);
    let store = Store::open(dir.path(), StoreOptions::new()).unwrap();
    assert_eq!(store.get(&ROWS, &1).unwrap(), Some(1));
}
