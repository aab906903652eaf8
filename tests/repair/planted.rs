//! Faults planted with sound checksums, as no flipped bit makes them.

use neodex::ErrorKind;
use neodex_storage::{Store, StoreOptions, Table};

use crate::{copy, fill, open, repaired};

/// Every kind of row, damaged in a store that opens: found by `verify`, and mended by `repair`.
#[test]
fn verify_finds_every_planted_fault() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let path = dir.path().join("db");
    for table in 16..=40u8 {
        let raw: Table<Vec<u8>, Vec<u8>> = Table::new(table, "raw");
        for planted in ["removed", "changed", "added"] {
            copy(&original, &path);
            let store = Store::open(&path, StoreOptions::new()).unwrap();
            let Some(row) = store.scan(&raw).next() else { break };
            let (key, mut value) = row.unwrap();
            let change = move |tx: &mut neodex_storage::Transaction<'_>| -> Result<(), neodex_storage::Error> {
                match planted {
                    "removed" => tx.remove(&raw, key.as_slice()).map(drop),
                    "changed" => {
                        value.iter_mut().take(1).for_each(|byte| *byte ^= 0x15);
                        tx.put(&raw, key.as_slice(), &value)
                    }
                    _ => {
                        let mut other = key.clone();
                        other.iter_mut().take(2).for_each(|byte| *byte ^= 0x7F);
                        tx.put(&raw, other.as_slice(), &value)
                    }
                }
            };
            store.commit(change).unwrap();
            drop(store);
            // What is derived, or only remembered for convenience, need not be missed; what is truth must be. A vector with another number
            // and a checksum of its own is another vector: nothing keeps a second word on it.
            let truth = matches!(table, 16 | 17 | 18 | 25) || table == 20 && planted != "changed";
            let opened = open(&path);
            let noticed = match &opened {
                Err(error) => error.kind() == ErrorKind::Unusable,
                Ok(db) => db.verify(&mut |_| ()).map_or(true, |verification| !verification.faults.is_empty()),
            };
            // An empty value cannot be changed, and one that is added beside the only row of its table means nothing.
            assert!(
                noticed || !truth || (table == 25 && planted == "added"),
                "table {table}, {planted}: nobody noticed"
            );
            drop(opened);
            if truth {
                let repair = repaired(&path);
                let db = open(&path).unwrap();
                assert_eq!(db.verify(&mut |_| ()).unwrap().faults, [], "table {table}, {planted}");
                assert!(db.stats().unwrap().documents + repair.lost.len() as u64 >= documents.len() as u64 - 1);
            }
        }
    }
}
