//! Power loss: what was written but not forced to the disk is gone, names of files as well as bytes.
//!
//! A small library that stands before `fsync` (`durable.c`, built here) copies a file, or the list of names of a folder, when it is synced. From
//! these copies alone the folder is put together again as a disk would have it that keeps nothing on its own account. To see that this can
//! fail at all, a last round in which syncing the store's log has no effect, as if there were sled's flush alone, must lose something.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::model::{Model, Random};
use crate::{End, Tally, check, live, spawn};

/// Where the library puts its copies.
const MIRROR: &str = "NEODEX_TEST_MIRROR";
/// The folder it looks after.
const ROOT: &str = "NEODEX_TEST_ROOT";
/// Set, syncing the store's log has no effect.
const DEAF: &str = "NEODEX_TEST_DEAF";
/// The names of the root, which the parent of the root would keep.
const ROOT_LIST: &str = "root";

/// Runs so many rounds, each on a database of its own.
pub(crate) fn rounds(dir: &Path, rounds: u64, random: &mut Random, tally: &mut Tally) {
    if rounds == 0 {
        return;
    }
    if !cfg!(target_os = "linux") {
        println!("power loss is tried on Linux only");
        return;
    }
    let dir = dir.canonicalize().unwrap();
    let library = build(&dir);
    for round in 0..rounds {
        let mut model = lose_power(&dir, &library, round, random, false);
        if model.acknowledged > 0 {
            check::check(&dir.join("disk"), &mut model, round);
            tally.power_losses += 1;
        }
    }
    let mut model = lose_power(&dir, &library, rounds, random, true);
    std::panic::set_hook(Box::new(|_| {}));
    let unsynced = catch_unwind(AssertUnwindSafe(|| check::check(&dir.join("disk"), &mut model, rounds)));
    let _ = std::panic::take_hook();
    assert!(model.acknowledged == 0 || unsynced.is_err(), "nothing was lost without syncing, so this tests nothing");
}

/// Lets a child write until it is killed, and puts into `disk` what a disk would have; what was acknowledged by then.
fn lose_power(dir: &Path, library: &Path, round: u64, random: &mut Random, deaf: bool) -> Model {
    let (path, mirror, disk) = (dir.join("written"), dir.join("mirror"), dir.join("disk"));
    for folder in [&path, &mirror, &disk] {
        let _ = fs::remove_dir_all(folder);
    }
    for folder in [&path, &mirror.join("files"), &mirror.join("folders"), &disk] {
        fs::create_dir_all(folder).unwrap();
    }
    let mut variables = vec![("LD_PRELOAD", library), (MIRROR, &mirror), (ROOT, &path)];
    if deaf {
        variables.push((DEAF, Path::new("1")));
    }
    let mut model = Model::default();
    let end = End::Killed(Duration::from_millis(if deaf { 1_500 } else { 150 + random.below(900) }));
    live(spawn(&path, round, &end, &variables), &end, &mut model);
    put_together(&mirror, ROOT_LIST, &disk);
    // Snapshots lie outside of what is looked after.
    model.snapshots.clear();
    model
}

/// Builds the library.
fn build(dir: &Path) -> PathBuf {
    let library = dir.join("durable.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/durable.c");
    let built =
        Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(built.expect("a C compiler").success());
    library
}

/// Makes the folder that a disk would have after a power cut.
fn put_together(mirror: &Path, folder: &str, to: &Path) {
    // A folder that was never synced is empty.
    let names = fs::read_to_string(mirror.join("folders").join(folder)).unwrap_or_default();
    for line in names.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(kind), Some(inode), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let to = to.join(name);
        if kind == "d" {
            fs::create_dir_all(&to).unwrap();
            put_together(mirror, inode, &to);
        } else if fs::copy(mirror.join("files").join(inode), &to).is_err() {
            // It has a name, but nothing of it was synced.
            fs::write(&to, b"").unwrap();
        }
    }
}
