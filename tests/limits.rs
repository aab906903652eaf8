//! What the system may refuse: room on the disk, writing at all, files to open, a clock that goes one way, the folder to oneself. Each time the
//! error is clear, nothing acknowledged is lost, and it goes on when the cause is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

mod words;

use std::path::{Path, PathBuf};
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
                // sled may refuse to read as well once it could not write; what it does not do is answer wrongly.
                if number > 0 {
                    assert!(db.get("doc0").map_or(true, |document| document.is_some()));
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

/// A file system of its own that is full, until it gets larger.
#[test]
fn a_full_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(dir.path(), "size=8m") else {
        return eprintln!("no file system can be mounted here: `a_full_disk` alone has to do");
    };
    let path = mount.0.join("db");
    let lines = with_little(&path, "true");
    assert!(refusal(&lines).starts_with("System "), "{lines:?}");
    // Full as it is: it opens, or says what it lacks; a copy that does not fit leaves nothing behind.
    if let Err(error) = open(&path).and_then(|db| db.compact(&mut |_| ())) {
        assert_eq!(error.kind(), ErrorKind::System, "{error}");
    }
    mount.again("size=64m");
    assert!(goes_on(&path, &lines) > 50);
    assert!(!path.join("store.new").exists());
}

/// Memory ends: the process may end with it, and nothing else does.
#[test]
fn too_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for megabytes in [40, 80, 120, 160, 200, 250, 300, 400] {
        let path = dir.path().join(format!("{megabytes}.db"));
        drop(open(&path).unwrap());
        let lines = with_little(&path, &format!("ulimit -v {}; trap '' XFSZ; ulimit -f 8192", megabytes * 1024));
        refused += usize::from(!lines.iter().any(|line| line.starts_with("acknowledged")));
        goes_on(&path, &lines);
    }
    assert!(refused > 0, "no limit was too small");
}

#[test]
fn too_many_open_files() {
    let dir = tempfile::tempdir().unwrap();
    for files in [4, 6, 8, 10, 12, 16, 20, 28] {
        let path = dir.path().join(format!("{files}.db"));
        drop(open(&path).unwrap());
        let lines = with_little(&path, &format!("ulimit -n {files}; trap '' XFSZ; ulimit -f 8192"));
        if !lines.iter().any(|line| line.starts_with("acknowledged"))
            && lines.iter().any(|line| line.starts_with("refused"))
        {
            assert!(refusal(&lines).to_lowercase().contains("open files"), "{files} files: {lines:?}");
        }
        goes_on(&path, &lines);
    }
}

/// A file system in memory, for as long as it is held.
struct Mount(PathBuf);

impl Mount {
    fn new(dir: &Path, options: &str) -> Option<Self> {
        let point = dir.join("mount");
        std::fs::create_dir(&point).unwrap();
        let mount = Self(point);
        mount.run(&["-t", "tmpfs", "-o", options, "tmpfs"]).then_some(mount)
    }

    fn again(&self, options: &str) {
        assert!(self.run(&["-o", &format!("remount,{options}")]));
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let mut mount = Command::new("mount");
        mount.args(arguments).arg(&self.0).stdout(Stdio::null()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).stderr(Stdio::null()).status();
    }
}

/// A folder that may not be written: by permissions, or, for who is above them, by the file system.
#[test]
fn a_read_only_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mount = Mount::new(dir.path(), "size=64m");
    let path = dir.path().join("mount/db");
    let db = open(&path).unwrap();
    db.insert(document(1)).unwrap();
    drop(db);
    if let Some(mount) = &mount {
        mount.again("ro");
    } else {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o444);
        std::fs::set_permissions(path.join("LOCK"), permissions).unwrap();
    }
    let refused = open(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::System, "{refused}");
    assert!(refused.to_string().contains("LOCK"), "{refused}");
    if let Some(mount) = &mount {
        mount.again("rw");
    } else {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path.join("LOCK"), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    goes_on(&path, &["acknowledged 1".to_owned()]);
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
