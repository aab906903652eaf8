//! Whether a file is what the hub says it is. Its ETag is the SHA-256 of a large file's bytes, and git's own hash of a small one's.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Read at a time.
const BLOCK: usize = 1 << 16;

/// Whether the file's bytes have the hash `etag`; what is no hash is taken as it is, because other hubs have ETags of their own.
pub(super) fn fits(file: &Path, etag: &str) -> io::Result<bool> {
    let is_hash = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    match etag.len() {
        64 if is_hash => Ok(hash(Sha256::new(), file)? == etag.to_ascii_lowercase()),
        40 if is_hash => {
            let mut git = Sha1::new();
            git.update(format!("blob {}\0", file.metadata()?.len()));
            Ok(hash(git, file)? == etag.to_ascii_lowercase())
        }
        _ => Ok(true),
    }
}

fn hash<D: Digest>(mut digest: D, file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => digest.update(block.get(..read).unwrap_or_default()),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn both_kinds_of_hash_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "hello\n").unwrap();
        // As `git hash-object` and `sha256sum` say.
        let (git, sha256) = (
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        );
        assert!(fits(&file, git).unwrap() && fits(&file, sha256).unwrap() && fits(&file, "W-anything").unwrap());
        std::fs::write(&file, "hullo\n").unwrap();
        assert!(!fits(&file, git).unwrap() && !fits(&file, sha256).unwrap());
    }
}
