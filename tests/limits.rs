//! What the system may refuse: room on the disk, writing at all, files to open, a clock that goes one way, the folder to oneself. Each time the
//! error is clear, nothing acknowledged is lost, and it goes on when the cause is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

mod words;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use neodex::{Database, Document, ErrorKind, Mode, SyncOptions};
use words::WordEmbedder;

const DATABASE: &str = "NEODEX_TEST_LIMITS_DATABASE";

fn open(path: &Path) -> neodex::Result<Database> {
    Database::builder(path).embedder(WordEmbedder::default()).open()
}

fn document(number: u32) -> Document {
    let noise =
        (0..400u32).map(|word| format!("w{:x} ", (word + number).wrapping_mul(2_654_435_761))).collect::<String>();
    Document::new(format!("doc{number}"), format!("unique{number} {noise}"))
}

/// Not a test of its own: the process that is given little. It writes until it is refused, then looks whether it can still read.
#[test]
fn child_with_little() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let db = match open(Path::new(&path)) {
        Ok(db) => db,
        Err(error) => return println!("\nrefused {:?} {error}", error.kind()),
    };
    println!("\nopened");
    for number in 0..100_000 {
        match db.insert(document(number)) {
            Ok(()) => println!("acknowledged {number}"),
            Err(error) => {
                println!("refused {:?} {error}", error.kind());
                let again = db.insert(document(number + 1)).unwrap_err();
                println!("again {again}");
                if number > 0 {
                    assert!(db.get("doc0").unwrap().is_some(), "reading goes on");
                    println!("read");
                }
                return;
            }
        }
    }
}

/// Runs the child under shell limits; its lines.
fn with_little(path: &Path, limits: &str) -> Vec<String> {
    let script = format!("{limits}; exec \"$0\" --exact child_with_little --nocapture --test-threads=1");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(DATABASE, path)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// What was acknowledged is there, all is sound, and writing goes on.
fn goes_on(path: &Path, lines: &[String]) -> usize {
    let db = open(path).unwrap();
    let acknowledged: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("acknowledged ")).collect();
    for number in &acknowledged {
        assert!(db.get(&format!("doc{number}")).unwrap().is_some(), "doc{number} is lost");
    }
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
    db.insert(Document::new("after", "Everything is fine again: quokkaword.")).unwrap();
    assert_eq!(db.search("quokkaword").mode(Mode::Lexical).run().unwrap().hits.len(), 1);
    acknowledged.len()
}

fn refusal(lines: &[String]) -> &str {
    lines
        .iter()
        .find_map(|line| line.strip_prefix("refused "))
        .unwrap_or_else(|| panic!("it was never refused: {lines:?}"))
}

/// Files may not grow beyond so much, as on a full disk; the signal for it is ignored, as programs do that mean to go on.
#[test]
fn a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // Blocks of 512 bytes or 1024, as the shell has it: 4 or 8 MB.
    let lines = with_little(&path, "trap '' XFSZ; ulimit -f 8192");
    assert!(refusal(&lines).starts_with("System writing to the store failed"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("again ") && line.contains("refuses to write")), "{lines:?}");
    assert!(lines.iter().any(|line| line == "read"), "{lines:?}");
    assert!(goes_on(&path, &lines) > 100);
    // Not even the beginning fits.
    let path = dir.path().join("other");
    let lines = with_little(&path, "trap '' XFSZ; ulimit -f 16");
    refusal(&lines);
    goes_on(&path, &lines);
}

#[test]
fn too_many_open_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(open(&path).unwrap());
    for files in [4, 6, 8, 10, 12, 16, 20, 28] {
        let lines = with_little(&path, &format!("ulimit -n {files}; trap '' XFSZ; ulimit -f 8192"));
        if !lines.iter().any(|line| line.starts_with("acknowledged"))
            && lines.iter().any(|line| line.starts_with("refused"))
        {
            assert!(refusal(&lines).to_lowercase().contains("open files"), "{files} files: {lines:?}");
        }
        goes_on(&path, &lines);
        open(&path).unwrap().delete_where("").ok();
    }
}

/// A folder that may not be written: by permissions, or, for who is above them, by the file system.
#[test]
fn a_read_only_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("mount");
    std::fs::create_dir(&mount).unwrap();
    let run = |arguments: &[&str]| {
        let status =
            Command::new("mount").args(arguments).arg(&mount).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let path = mount.join("db");
    let mounted = run(&["-t", "tmpfs", "-o", "size=64m", "tmpfs"]);
    let db = open(&path).unwrap();
    db.insert(document(1)).unwrap();
    drop(db);
    if mounted {
        assert!(run(&["-o", "remount,ro"]));
    } else {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o444);
        std::fs::set_permissions(path.join("LOCK"), permissions).unwrap();
    }
    let refused = open(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::System, "{refused}");
    assert!(refused.to_string().contains("LOCK"), "{refused}");
    if mounted {
        assert!(run(&["-o", "remount,rw"]));
    } else {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path.join("LOCK"), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    goes_on(&path, &["acknowledged 1".to_owned()]);
    if mounted {
        assert!(Command::new("umount").arg(&mount).status().unwrap().success());
    }
}

#[test]
fn a_folder_in_memory_and_two_processes() {
    let memory = Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let path = dir.path().join("db");
    let db = open(&path).unwrap();
    db.insert(document(0)).unwrap();
    let lines = with_little(&path, "true");
    assert!(refusal(&lines).contains(&format!("already open in process {}", std::process::id())), "{lines:?}");
    drop(db);
    goes_on(&path, &["acknowledged 0".to_owned()]);
}

/// The clock is asked only whether a file changed, and a file from the future, or from before there was time, is read like any other.
#[test]
fn a_clock_that_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let (path, files) = (dir.path().join("db"), dir.path().join("files"));
    std::fs::create_dir(&files).unwrap();
    let db = open(&path).unwrap();
    let file = files.join("note.txt");
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    for (step, time) in [now, now + 40_000 * day, SystemTime::UNIX_EPOCH, now - day, SystemTime::UNIX_EPOCH - day]
        .into_iter()
        .enumerate()
    {
        std::fs::write(&file, format!("The note as of step{step}.")).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        let report = db.sync(&files, &SyncOptions { prune: true, ..SyncOptions::default() }).unwrap();
        assert_eq!(report.failed, []);
        assert_eq!(report.added + report.replaced, 1, "step {step}");
        assert!(db.get("note.txt").unwrap().unwrap().text.contains(&format!("step{step}")));
    }
    assert_eq!(db.verify(&mut |_| ()).unwrap().faults, []);
}
