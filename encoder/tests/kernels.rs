//! The GPU's kernels, run on the processor thread by thread, agree with plain loops.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

/// Builds and runs a program of `kernels/test`.
fn check(program: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/test").join(program).with_extension("cpp");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    let built = Command::new("c++").args(["-std=c++20", "-O1", "-o"]).arg(&program).arg(&source).output();
    let built = built.expect("a C++ compiler is needed to test the kernels");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run = Command::new(&program).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn kernels_agree_with_plain_loops() {
    check("check_neobert");
}

#[test]
fn the_nearest_are_those_of_sorting() {
    check("check_nearest");
}
