//! A process that commits from four threads is killed at a random moment, twenty times over on the same database: what
//! it acknowledged is there, transactions are whole, counts agree, and every value is sound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use neodex_storage::{Error, PartTable, Sequence, Store, StoreOptions, Table};

const HEADS: Table<u64, u64> = Table::new(16, "heads");
const BODIES: PartTable = Table::new(17, "bodies");
const NAMES: Table<String, u64> = Table::new(18, "names");
const REMOVED: Table<u64, ()> = Table::new(19, "removed");

const ROUNDS: u64 = 20;
const CHILD: &str = "NEODEX_TEST_CRASH";

/// The bytes that row `id` must have: between nothing and three parts.
fn body(id: u64) -> Vec<u8> {
    let length = id.wrapping_mul(2_654_435_761) % 9000;
    (0..length).map(|at| (at.wrapping_mul(31).wrapping_add(id) % 251) as u8).collect()
}

fn open(dir: &Path) -> Store {
    Store::open_or_create(dir, BTreeMap::new(), StoreOptions::new()).unwrap()
}

/// One transaction over all tables; every fifth also removes the row before it.
fn insert(store: &Store) -> (u64, Option<u64>) {
    let committed = store.commit::<_, Error>(|transaction| {
        let id = transaction.allocate("rows", 1)?;
        let parts = transaction.put_parts(&BODIES, id, &body(id))?;
        transaction.put(&HEADS, &id, &u64::from(parts))?;
        transaction.put(&NAMES, &format!("row {id}"), &id)?;
        transaction.journal(&id.to_le_bytes())?;
        let before = id.checked_sub(1).filter(|_| id % 5 == 0);
        if let Some(before) = before {
            transaction.remove_parts(&BODIES, before)?;
            transaction.remove(&HEADS, &before)?;
            transaction.remove(&NAMES, &format!("row {before}"))?;
            transaction.put(&REMOVED, &before, &())?;
        }
        Ok((id, before))
    });
    committed.unwrap().value
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let store = open(Path::new(&dir));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let (id, _) = insert(&store);
                    // One write a line, so that a line is there as a whole or not at all.
                    let line = format!("\nacknowledged {id}\n");
                    let mut out = std::io::stdout().lock();
                    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
                        std::process::exit(1);
                    }
                }
            });
        }
    });
}

/// Runs the child, kills it some time after its first acknowledgement, and returns what it acknowledged.
fn run_and_kill(dir: &Path, after: Duration) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.map_while(Result::ok).filter_map(|line| {
        let id = line.strip_prefix("acknowledged ")?;
        Some(id.parse::<u64>().unwrap())
    });
    let first = acknowledged.next().expect("the child commits");
    let killer = thread::spawn(move || {
        thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let all = std::iter::once(first).chain(acknowledged).collect();
    killer.join().unwrap();
    all
}

/// Everything that can be said of the store without knowing what was acknowledged.
fn check_whole(store: &Store) -> BTreeSet<u64> {
    let report = store.verify(&mut |_| {}).unwrap();
    assert!(report.is_clean() && report.quiet, "{report:?}");

    let mut bodies = 0;
    let heads: BTreeSet<u64> = store
        .scan(&HEADS)
        .map(|row| {
            let (id, parts) = row.unwrap();
            bodies += parts;
            let found = store.get_parts(&BODIES, id, parts as u32).unwrap();
            assert!(found == body(id), "row {id} has other bytes");
            assert_eq!(store.get(&NAMES, &format!("row {id}")).unwrap(), Some(id));
            id
        })
        .collect();
    let removed: BTreeSet<u64> = store.scan(&REMOVED).map(|row| row.unwrap().0).collect();
    assert!(heads.is_disjoint(&removed));
    assert_eq!(store.count(&HEADS), heads.len() as u64);
    assert_eq!(store.count(&NAMES), heads.len() as u64);
    assert_eq!(store.count(&BODIES), bodies);
    assert_eq!(store.count(&REMOVED), removed.len() as u64);
    assert_eq!(store.scan(&NAMES).count(), heads.len());

    // One journal entry for each row that ever was, in order, and none of them after the last transaction.
    let entries = store.journal_since(Sequence::ZERO).unwrap();
    let entries: Vec<(Sequence, Vec<u8>)> = entries.map(Result::unwrap).collect();
    assert!(entries.is_sorted_by(|a, b| a.0 < b.0));
    assert!(entries.last().is_none_or(|last| last.0 <= store.last_sequence()));
    let ever: BTreeSet<u64> = heads.union(&removed).copied().collect();
    let journaled = entries.iter().map(|(_, id)| u64::from_le_bytes(id[..].try_into().unwrap()));
    assert_eq!(journaled.collect::<BTreeSet<_>>(), ever);
    // Ids are given in the order of transactions, so what survives has no gap.
    assert_eq!(ever.last().map_or(0, |last| last + 1), ever.len() as u64);
    ever
}

#[test]
fn twenty_kills_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let random = RandomState::new();
    let mut acknowledged = BTreeSet::new();
    let mut last = Sequence::ZERO;
    for round in 0..ROUNDS {
        let after = Duration::from_micros(random.hash_one(round) % 200_000);
        let new = run_and_kill(dir.path(), after);
        let store = open(dir.path());
        assert!(store.recovered_from_crash());
        for id in &new {
            assert!(acknowledged.insert(*id), "id {id} was given twice");
        }
        let there = check_whole(&store);
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
        assert!(store.last_sequence() > last);
        last = store.last_sequence();
        // The next process goes on where this one stopped.
        let (id, _) = insert(&store);
        assert!(!there.contains(&id));
        acknowledged.insert(id);
    }
}
