//! Bytes damaged all over: in sled's log, beside it, and in everything that is derived.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use neodex::{ErrorKind, Mode};

use crate::{check, copy, fill, open, repaired};

/// Flips bits all over the store's file: whatever comes of it, `open` answers, and `repair` lists what is not as it was.
#[test]
fn bits_flipped_in_the_store() {
    let flips: usize = std::env::var("NEODEX_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(24);
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let good = fs::read(original.join("store/db")).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap();
    let path = dir.path().join("db");
    let mut tally = [0; 4];
    for flip in 0..flips {
        copy(&original, &path);
        let mut bytes = good.clone();
        let at = used * flip / flips + flip % 13;
        bytes[at] ^= 1 << (flip % 8);
        fs::write(path.join("store/db"), bytes).unwrap();
        let opened = catch_unwind(AssertUnwindSafe(|| open(&path)));
        match opened.unwrap_or_else(|_| panic!("flip {flip} at {at}: open panicked")) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unusable, "flip {flip} at {at}: {error}");
                tally[0] += 1;
            }
            Ok(db) => {
                let verified = db.verify(&mut |_| ());
                let whole = documents.iter().all(|(id, document)| db.get(id).ok().flatten().as_ref() == Some(document));
                let clean = verified.is_ok_and(|verification| verification.faults.is_empty());
                assert!(whole || !clean, "flip {flip} at {at}: something is missing and verify does not see it");
                tally[if clean { 1 } else { 2 }] += 1;
            }
        }
        // Again: what the first opening leaves is what the second finds.
        drop(catch_unwind(AssertUnwindSafe(|| open(&path).map(drop))));
        let repair = repaired(&path);
        let cost = repair.lost.len() + repair.older.len();
        // A bit is in one value, and a value is of one document: nothing else may be lost through opening what is damaged.
        assert!(cost <= 1, "flip {flip} at {at}: {repair:?}");
        tally[3] += cost;
        check(&path, &documents, &repair);
    }
    eprintln!(
        "{flips} flips: {} refused, {} without effect, {} found by verify; {} documents lost or older",
        tally[0], tally[1], tally[2], tally[3]
    );
}

/// Everything but the store is made again without a word from anybody.
#[test]
fn bytes_damaged_in_derived_files() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&dir.path().join("live"));
    // tantivy still tidies up behind a database that is closed; what is copied now stays as it is.
    copy(&dir.path().join("live"), &original);
    let mut files: Vec<PathBuf> =
        fs::read_dir(original.join("lexical")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.push(original.join("LOCK"));
    let path = dir.path().join("db");
    for file in files {
        let relative = file.strip_prefix(&original).unwrap();
        let good = fs::read(&file).unwrap();
        let step = (good.len() / 3).max(1);
        for at in (0..good.len()).step_by(step) {
            copy(&original, &path);
            let mut bytes = good.clone();
            bytes[at] ^= 0x21;
            fs::write(path.join(relative), bytes).unwrap();
            let db = open(&path).unwrap_or_else(|error| panic!("{} at {at}: {error}", relative.display()));
            assert_eq!(db.stats().unwrap().documents, documents.len() as u64);
            let searched = db.search("unique17").mode(Mode::Lexical).limit(3).run();
            let found = searched.is_ok_and(|results| results.hits.iter().any(|hit| hit.document_id == "doc/17"));
            let clean = db.verify(&mut |_| ()).is_ok_and(|verification| verification.faults.is_empty());
            assert!(found || !clean, "{} at {at}: nothing is found, and verify does not know why", relative.display());
            if !clean {
                drop(db);
                assert!(!repaired(&path).damaged);
                assert_eq!(open(&path).unwrap().verify(&mut |_| ()).unwrap().faults, []);
            }
        }
        copy(&original, &path);
        fs::remove_file(path.join(relative)).unwrap();
        let db = open(&path).unwrap();
        assert_eq!(db.verify(&mut |_| ()).unwrap().faults, [], "without {}", relative.display());
    }
}

/// What sled keeps beside its log: `open` answers, and `repair` needs none of it.
#[test]
fn bytes_damaged_beside_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let documents = fill(&original);
    let path = dir.path().join("db");
    for entry in fs::read_dir(original.join("store")).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() || file.file_name().unwrap() == "db" {
            continue;
        }
        let good = fs::read(&file).unwrap();
        for at in (0..good.len()).step_by(11).map(Some).chain([None]) {
            copy(&original, &path);
            let relative = path.join("store").join(file.file_name().unwrap());
            match at {
                Some(at) => {
                    let mut bytes = good.clone();
                    bytes[at] ^= 0x21;
                    fs::write(relative, bytes).unwrap();
                }
                None => fs::write(relative, b"").unwrap(),
            }
            let opened = catch_unwind(AssertUnwindSafe(|| open(&path).map(drop)));
            let opened = opened.unwrap_or_else(|_| panic!("{} at {at:?}: open panicked", file.display()));
            assert!(opened.is_ok_and(|()| true) || open(&path).is_err_and(|error| error.kind() == ErrorKind::Unusable));
            let repair = repaired(&path);
            assert!(!repair.lost_something(), "{} at {at:?}: {repair:?}", file.display());
            check(&path, &documents, &repair);
        }
    }
}
