//! The GPU's kernels, run without a GPU: their own text compiled for the host with an emulated block of threads around it
//! (`kernels/test`), every result against plain loops in double precision.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_kernel_computes_what_it_should_in_any_order_of_threads() {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/test");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kernels");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let compiled = Command::new(&compiler)
        .args(["-std=c++17", "-O1", "-Wall", "-Werror", "-Wno-unknown-pragmas", "main.cpp", "-o"])
        .arg(&program)
        .current_dir(kernels)
        .output()
        .unwrap_or_else(|e| {
            panic!("{compiler}: {e}; this test needs a C++17 compiler (Debian: g++), named by CXX or c++")
        });
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));

    let ran = Command::new(&program).output().unwrap();
    assert!(ran.status.success(), "{}: {}", ran.status, String::from_utf8_lossy(&ran.stderr));
}
