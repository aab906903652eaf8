//! The GPU's kernels, run on the processor thread by thread, agree with plain loops.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

#[test]
fn kernels_agree_with_plain_loops() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/test/check.cpp");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-neobert-kernels");
    let built = Command::new("c++").args(["-std=c++20", "-O1", "-o"]).arg(&program).arg(&source).output();
    let built = built.expect("a C++ compiler is needed to test the kernels");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run = Command::new(&program).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
