//! Compiles the GPU's kernels to PTX where the feature `cuda` asks for them; without it there is nothing to do.
//!
//! PTX and not machine code: the driver compiles it for whatever GPU it meets, and remembers it. `NVCC` names the compiler, else it is
//! that of `CUDA_HOME` or `CUDA_PATH`, else the one on the path; `CUDA_COMPUTE_CAP` the oldest GPU it has to run on, 80 where it is not set.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

const KERNELS: [&str; 2] = ["neobert", "nearest"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed=kernels");
    for variable in ["NVCC", "CUDA_HOME", "CUDA_PATH", "CUDA_COMPUTE_CAP"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let home = env::var_os("CUDA_HOME").or_else(|| env::var_os("CUDA_PATH"));
    let installed = home.map(|home| PathBuf::from(home).join("bin").join("nvcc"));
    let nvcc = env::var_os("NVCC").map(PathBuf::from).or(installed).unwrap_or_else(|| PathBuf::from("nvcc"));
    let capability = env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| "80".to_owned());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    for kernel in KERNELS {
        let status = Command::new(&nvcc)
            .arg("-ptx")
            .args(["-O3", "-std=c++17"])
            .arg(format!("-arch=compute_{capability}"))
            .arg("-o")
            .arg(out.join(format!("{kernel}.ptx")))
            .arg(format!("kernels/{kernel}.cu"))
            .status()
            .map_err(|error| {
                format!("cannot run {}: {error}; the feature `cuda` needs the CUDA toolkit", nvcc.display())
            })?;
        if !status.success() {
            return Err(format!("{} failed on kernels/{kernel}.cu", nvcc.display()).into());
        }
    }
    Ok(())
}
