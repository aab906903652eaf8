//! The arithmetic of the engine, in the widest instructions the running processor has.
//!
//! All `unsafe` of the engine lives in this folder. What differs between processors is two inner loops, over a tile of rows and a pair
//! of panels: `tile_codes` (8-bit integers) and `tile_halves` (bf16). Everything around them (`rows`, `product`, `attend`) is plain
//! Rust that is compiled once for each instruction set, which is enough for the compiler to use its registers. `scalar` says what
//! the tiles must compute, and tests hold every path that runs here to it.

mod attend;
mod exp;
pub(super) mod lines;
mod product;
mod rows;
mod scalar;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512bf16;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "aarch64")]
mod neon;

#[cfg(test)]
mod agreement;
mod dispatch;
mod path;

pub(super) use attend::{Head, Scratch};
pub(super) use dispatch::Kernel;
pub use dispatch::instruction_set;
pub(super) use product::Output;

/// Rows are laid out in multiples of this, so that every tile is whole: 32 is a multiple of every path's tile.
pub(super) const ROWS: usize = 32;
/// Columns of a pair of panels.
pub(super) const COLUMNS: usize = 32;

/// The sums of one tile of `N` rows: codes times codes, not yet numbers.
type Sums<const N: usize> = [[i32; COLUMNS]; N];
