//! Tile registers (AMX): Sapphire Rapids and later. One instruction multiplies 16 rows of 64 codes by 64 by 16 of them.
//!
//! The intrinsics are not stable, so that the tiles are driven by assembly. The registers are set up in each call and given back at its
//! end; no compiler-made code uses them in between.
#![allow(unsafe_code)]

use std::arch::asm;

use super::lines::{CodeStep, Codes, HalfStep};
use super::path::compile_path;
use super::{COLUMNS, Sums};
use crate::tile_registers::Session;

compile_path!(#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma")] tile: 32, fused: true);

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
