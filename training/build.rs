//! Compiles the GPU kernels where the feature `cuda` asks for them: to PTX, which the driver of the machine it runs on finishes, so that
//! building needs a CUDA toolkit but no GPU.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    for variable in ["NVCC", "CUDA_HOME", "CUDA_COMPUTE_CAP"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=kernels");

    let capability = env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| "80".into());
    let output = PathBuf::from(env::var("OUT_DIR")?).join("kernels.ptx");
    let nvcc = nvcc();
    let status = Command::new(&nvcc)
        .args(["-ptx", "-O3", "-std=c++17", &format!("-arch=compute_{capability}"), "-o"])
        .arg(&output)
        .arg("kernels/kernels.cu")
        .status()
        .map_err(|e| format!("{}: {e}; the feature `cuda` needs nvcc (NVCC, CUDA_HOME or PATH)", nvcc.display()))?;
    if !status.success() {
        return Err(format!("{} failed on kernels/kernels.cu: {status}", nvcc.display()).into());
    }
    Ok(())
}

/// The compiler: the one named by `NVCC`, else that of the toolkit in `CUDA_HOME`, else whichever is on the path.
fn nvcc() -> PathBuf {
    if let Some(named) = env::var_os("NVCC") {
        return named.into();
    }
    env::var_os("CUDA_HOME")
        .map(|home| Path::new(&home).join("bin/nvcc"))
        .filter(|p| p.exists())
        .unwrap_or("nvcc".into())
}
