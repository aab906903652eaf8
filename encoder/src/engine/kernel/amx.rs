//! Tile registers (AMX): Sapphire Rapids and later. One instruction multiplies 16 rows of 64 codes by 64 by 16 of them.
//!
//! The intrinsics are not stable, so that the tiles are driven by assembly. The registers are set up in each call and given back at its
//! end; no compiler-made code uses them in between. Linux grants them to a process that asks once.
#![allow(unsafe_code)]

use std::arch::asm;

use super::lines::{CodeStep, Codes, HalfStep, Line};
use super::path::compile_path;
use super::{COLUMNS, Sums};

compile_path!(#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma")] tile: 32, fused: true);

/// Number of `arch_prctl`, its request for a part of the state, and the number of that part.
const ARCH_PRCTL: usize = 158;
const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
const XFEATURE_XTILEDATA: usize = 18;

/// Whether this process may use the tiles: the processor has them, and the system grants them.
pub(super) fn granted() -> bool {
    let leaf = std::arch::x86_64::__cpuid_count(7, 0).edx;
    let (bf16, tile, int8) = (leaf >> 22 & 1, leaf >> 24 & 1, leaf >> 25 & 1);
    if bf16 & tile & int8 == 0 {
        return false;
    }
    let refused: usize;
    // SAFETY: a system call that changes nothing but what this process's threads may use.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => refused,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    refused == 0
}

/// Eight tiles of 16 rows of 64 bytes, until it is dropped.
struct Session;

impl Session {
    fn begin() -> Self {
        let mut shapes = Line([0_u8; 64]);
        shapes.0[0] = 1; // the palette
        for tile in 0..8 {
            shapes.0[16 + 2 * tile] = 64; // bytes of a row
            shapes.0[48 + tile] = 16; // rows
        }
        // SAFETY: the path is taken only where `granted` says that the tiles may be used; 64 bytes are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &shapes, options(nostack, readonly)) };
        Self
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// The sums of 32 rows and 32 columns over `$depth` steps of 64 bytes, left in `tmm0` to `tmm3`. The clobbers say that all eight are taken.
macro_rules! multiply {
    ($start:expr, $multiply:literal, $rows:expr, $stride:expr, $panels:expr, $depth:expr, $out:expr, $out_stride:expr) => {
        asm!(
            "test {start}, {start}",
            "jnz 3f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 2f",
            "3:",
            "tileloadd tmm0, [{out} + {out_stride}*1]",
            "tileloadd tmm1, [{out} + {out_stride}*1 + 64]",
            "tileloadd tmm2, [{out_low} + {out_stride}*1]",
            "tileloadd tmm3, [{out_low} + {out_stride}*1 + 64]",
            "2:",
            "tileloadd tmm4, [{rows} + {stride}*1]",
            "tileloadd tmm6, [{first} + {line}*1]",
            "tileloadd tmm7, [{second} + {line}*1]",
            concat!($multiply, " tmm0, tmm4, tmm6"),
            concat!($multiply, " tmm1, tmm4, tmm7"),
            "tileloadd tmm5, [{rows_low} + {stride}*1]",
            concat!($multiply, " tmm2, tmm5, tmm6"),
            concat!($multiply, " tmm3, tmm5, tmm7"),
            "add {rows}, 64",
            "add {rows_low}, 64",
            "add {first}, 1024",
            "add {second}, 1024",
            "dec {depth}",
            "jnz 2b",
            "tilestored [{out} + {out_stride}*1], tmm0",
            "tilestored [{out} + {out_stride}*1 + 64], tmm1",
            "tilestored [{out_low} + {out_stride}*1], tmm2",
            "tilestored [{out_low} + {out_stride}*1 + 64], tmm3",
            start = in(reg) $start,
            rows = inout(reg) $rows => _,
            rows_low = inout(reg) $rows.wrapping_byte_add(16 * $stride) => _,
            stride = in(reg) $stride,
            first = inout(reg) $panels[0].as_ptr() => _,
            second = inout(reg) $panels[1].as_ptr() => _,
            line = in(reg) 64_usize,
            depth = inout(reg) $depth => _,
            out = in(reg) $out,
            out_low = in(reg) $out.wrapping_byte_add(16 * $out_stride),
            out_stride = in(reg) $out_stride,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        )
    };
}

/// See [`scalar::tile_codes`](super::scalar::tile_codes).
#[inline]
fn tile_codes<const N: usize>(rows: &[Codes], depth: usize, panels: [&[CodeStep]; 2], sums: &mut Sums<N>) {
    const { assert!(N == 32) };
    assert!(depth > 0 && rows.len() >= N * depth && panels.iter().all(|panel| panel.len() >= 16 * depth));
    let sums = sums.as_flattened_mut();
    // SAFETY: the loop reads `depth` lines of each of 32 rows that are `depth` lines apart, and `16 * depth` lines of each panel, as many as
    // are asserted to be there, and writes 32 rows of 32 sums.
    unsafe {
        multiply!(
            0_usize,
            "tdpbusd",
            rows.as_ptr(),
            64 * depth,
            panels,
            depth,
            sums.as_mut_ptr(),
            COLUMNS * size_of::<i32>()
        );
    }
}

/// See [`scalar::tile_halves`](super::scalar::tile_halves).
#[inline]
fn tile_halves<const N: usize>(
    rows: &[u16],
    stride: usize,
    depth: usize,
    panels: [&[HalfStep]; 2],
    out: &mut [f32],
    out_stride: usize,
    add: bool,
) {
    const { assert!(N == 32) };
    assert!(depth > 0 && rows.len() >= (N - 1) * stride + 32 * depth);
    assert!(panels.iter().all(|panel| panel.len() >= 16 * depth) && out.len() >= (N - 1) * out_stride + COLUMNS);
    // SAFETY: as above, with rows `stride` numbers apart and results `out_stride` apart, within what is asserted to be there.
    unsafe {
        multiply!(
            usize::from(add),
            "tdpbf16ps",
            rows.as_ptr(),
            2 * stride,
            panels,
            depth,
            out.as_mut_ptr(),
            4 * out_stride
        );
    }
}
