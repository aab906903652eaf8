//! Restoring and repairing end at every point that they pass, one after the other: what is there is the database before or the one after.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use neodex::{Document, ErrorKind, repair, restore};
use neodex_storage::failpoint::{self, POINTS};

use crate::{TEXTS, check, copy, damage, document, fill, open, repaired, version};

/// What the child is told: the folder of the databases, what to do, and where to end.
const TOLD: [&str; 4] =
    ["NEODEX_TEST_KILLED_IN", "NEODEX_TEST_KILLED_DOING", "NEODEX_TEST_KILLED_AT", "NEODEX_TEST_NTH"];

/// Not a test of its own: the process that ends in the middle.
#[test]
fn child_that_is_killed() {
    let [Some(dir), Some(doing), Some(point), Some(nth)] = TOLD.map(|name| std::env::var(name).ok()) else { return };
    failpoint::end_at(&point, nth.parse().unwrap());
    let path = Path::new(&dir).join("db");
    match doing.as_str() {
        "restore" => restore(Path::new(&dir).join("snapshot"), path, true, &mut |_| ()).unwrap(),
        _ => drop(repair(path, &mut |_, _, _| ()).unwrap()),
    }
}

/// Whether the child came to the point so often, and ended there.
fn ended(dir: &Path, doing: &str, point: &str, nth: u32) -> bool {
    let nth = nth.to_string();
    let told = [dir.to_str().unwrap(), doing, point, &nth];
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_is_killed", "--test-threads=1"])
        .envs(TOLD.into_iter().zip(told))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success() || status.code().is_none(), "{doing}, {point} {nth}: it failed");
    !status.success()
}

/// Does it from the same beginning until it has ended at every point, and looks at what each end left; how many there were.
fn at_every_point(dir: &Path, doing: &str, look: impl Fn(&str)) -> usize {
    let mut ends = 0;
    // A repair commits once a document, which is the same to it every time.
    for point in POINTS.into_iter().filter(|point| !point.starts_with("commit.")) {
        for nth in 1.. {
            copy(&dir.join("original"), &dir.join("db"));
            if !ended(dir, doing, point, nth) {
                break;
            }
            ends += 1;
            look(&format!("{doing}, {point} {nth}"));
        }
    }
    ends
}

fn contents(path: &Path) -> BTreeMap<String, Document> {
    let db = open(path).unwrap();
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    let ids = db.document_ids().unwrap();
    ids.iter().map(|id| (id.to_string(), db.get(id.as_str()).unwrap().unwrap())).collect()
}

#[test]
fn a_restore_leaves_the_old_or_the_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let new = fill(&dir.path().join("source"));
    open(&dir.path().join("source")).unwrap().snapshot_create(dir.path().join("snapshot"), &mut |_| ()).unwrap();
    open(&dir.path().join("original")).unwrap().insert_many((50..60).map(|number| document(number, 3))).unwrap();
    let old = contents(&dir.path().join("original"));
    let (olds, news) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let ends = at_every_point(dir.path(), "restore", |end| {
        let found = contents(&path);
        assert!(found == old || found == new, "{end}: {:?}", found.keys());
        let which = if found == old { &olds } else { &news };
        which.set(which.get() + 1);
    });
    assert!(ends >= 8 && olds.get() > 0 && news.get() > 0, "{ends} ends: {} old, {} new", olds.get(), news.get());
    restore(dir.path().join("snapshot"), &path, true, &mut |_| ()).unwrap();
    assert_eq!(contents(&path), new);
}

/// Over a database that does not open, of whose log a copy was kept: what belongs to the old one is never taken for the new one's.
#[test]
fn a_restore_over_damage_leaves_the_damage_or_the_new() {
    let dir = tempfile::tempdir().unwrap();
    let (path, original) = (dir.path().join("db"), dir.path().join("original"));
    let new = fill(&dir.path().join("source"));
    open(&dir.path().join("source")).unwrap().snapshot_create(dir.path().join("snapshot"), &mut |_| ()).unwrap();
    // More than the snapshot has, so that it would be missed.
    open(&original).unwrap().insert_many((0..60).map(|number| document(number, 3))).unwrap();
    let db = open(&original).unwrap();
    (0..60).for_each(|number| db.insert(document(number, 4)).unwrap());
    drop(db);
    assert!(damage(&original, TEXTS, version(&original, "doc/17")) > 0);
    open(&original).unwrap_err();
    assert!(original.join("store.kept").exists());
    let news = std::cell::Cell::new(0);
    let ends = at_every_point(dir.path(), "restore", |end| match open(&path) {
        Err(error) => assert!(error.kind() == ErrorKind::Unusable && !is_new(dir.path()), "{end}: {error}"),
        Ok(db) => {
            drop(db);
            assert_eq!(contents(&path), new, "{end}");
            assert!(!path.join("store.kept").exists() && !path.join("draft").exists(), "{end}");
            news.set(news.get() + 1);
        }
    });
    assert!(ends > news.get() && news.get() > 0, "{ends} ends, {} new", news.get());
}

/// Whether FORMAT is another than the original's.
fn is_new(dir: &Path) -> bool {
    let format = |name: &str| std::fs::read(dir.join(name).join("FORMAT")).unwrap();
    format("db") != format("original")
}

#[test]
fn a_repair_that_is_cut_short_can_be_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let documents = fill(&dir.path().join("original"));
    let key = version(&dir.path().join("original"), "doc/17");
    assert!(damage(&dir.path().join("original"), TEXTS, key) > 0);
    let without = {
        let mut without = documents.clone();
        without.remove("doc/17");
        without
    };
    let ends = at_every_point(dir.path(), "repair", |end| {
        let adopted = is_new(dir.path());
        let repair = repaired(&path);
        assert!(!adopted || path.join("damaged.1/db").exists(), "{end}: the damaged store is gone");
        let lost: Vec<&str> = repair.lost.iter().map(|damage| damage.id.as_str()).collect();
        // Done for good before it ended, or done now.
        assert!(lost == ["doc/17"] || (lost.is_empty() && !repair.damaged), "{end}: {repair:?}");
        check(&path, if lost.is_empty() { &without } else { &documents }, &repair);
    });
    assert!(ends >= 8, "{ends} ends");
}
