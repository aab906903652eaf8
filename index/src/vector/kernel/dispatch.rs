//! Which path runs: asked of the processor once, then a match on a byte.
#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avxvnni};
use super::{bits, fine, scalar};

/// A path the running processor can take.
///
/// The field is private and only [`Kernel::available`] fills it, after asking the processor: whoever holds a `Kernel` may run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kernel {
    instructions: Instructions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    Scalar,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
}

/// The name of the instruction set that vector searches use on this machine, for reports and benchmarks.
pub fn instruction_set() -> &'static str {
    Kernel::best().name()
}

impl Kernel {
    /// The widest path there is.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| {
            let mut best = Kernel::SCALAR;
            Self::available(|kernel| best = kernel);
            best
        })
    }

    const SCALAR: Kernel = Kernel { instructions: Instructions::Scalar };

    /// Calls `found` with every path this processor can take, the widest last.
    pub(super) fn available(mut found: impl FnMut(Kernel)) {
        let mut offer = |instructions| found(Kernel { instructions });
        offer(Instructions::Scalar);
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            offer(Instructions::Neon);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("popcnt") {
            offer(Instructions::Avx2);
            if is_x86_feature_detected!("avxvnni") {
                offer(Instructions::AvxVnni);
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
            {
                offer(Instructions::Avx512Vnni);
            }
        }
    }

    /// The instruction set's usual name.
    pub(crate) fn name(self) -> &'static str {
        match self.instructions {
            Instructions::Scalar => "scalar",
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => "NEON",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Instructions::AvxVnni => "AVX-VNNI",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni => "AVX-512 VNNI",
        }
    }

    /// The dot product of `query` (`dimension` codes) with each of the rows laid end to end in `rows`, as many as both `rows` and `out`
    /// hold. Codes are in -127..=127 (-128 is not a code) and `dimension` is at most 4096, so that no sum can overflow.
    pub(crate) fn dot_i8_rows(self, query: &[i8], rows: &[i8], out: &mut [i32]) {
        if query.is_empty() {
            out.fill(0);
            return;
        }
        debug_assert_eq!(rows.len(), query.len() * out.len());
        match self.instructions {
            Instructions::Scalar => scalar::dot_i8_rows(query, rows, out),
            #[cfg(target_arch = "aarch64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Neon => unsafe { neon::dot_i8_rows(query, rows, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx2 => unsafe { avx2::dot_i8_rows(query, rows, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::AvxVnni => unsafe { avxvnni::dot_i8_rows(query, rows, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512Vnni => unsafe { avx512::dot_i8_rows(query, rows, out) },
        }
    }

    /// The dot product of `query`, whose codes add up to `sum`, with as many first codes of the rows at `places`, `stride` codes from row to row.
    /// Every place must be within the block: one that is not reads nothing, but makes its own and its neighbours' products wrong.
    pub(crate) fn dot_i8_some(
        self,
        query: &[i8],
        sum: i32,
        rows: &[i8],
        stride: usize,
        places: &[u32],
        out: &mut [i32],
    ) {
        debug_assert_eq!(places.len(), out.len());
        match self.instructions {
            Instructions::Scalar => scalar::dot_i8_some(query, rows, stride, places, out),
            #[cfg(target_arch = "aarch64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Neon => unsafe { neon::dot_i8_some(query, rows, stride, places, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx2 => unsafe { avx2::dot_i8_some(query, rows, stride, places, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::AvxVnni => unsafe { avxvnni::dot_i8_some(query, sum, rows, stride, places, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512Vnni => unsafe { avx512::dot_i8_some(query, sum, rows, stride, places, out) },
        }
    }

    /// The sum over all values of `query * (16 * code + nibble)`, the nibbles as they are stored, 0 to 15. `codes` is a whole number of blocks
    /// of [`NIBBLE_BLOCK`](super::NIBBLE_BLOCK), `query` as long, `nibbles` half as many bytes.
    pub(crate) fn dot_fine(self, query: &[f32], codes: &[i8], nibbles: &[u8]) -> f32 {
        debug_assert!(query.len() == codes.len() && codes.len() == 2 * nibbles.len());
        match self.instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Avx512Vnni => unsafe { avx512::dot_fine(query, codes, nibbles) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above; AVX-VNNI is offered only where AVX2 and FMA are.
            Instructions::Avx2 | Instructions::AvxVnni => unsafe { fine::dot_fine_avx2(query, codes, nibbles) },
            _ => fine::dot_fine(query, codes, nibbles),
        }
    }

    /// The sum over all values of `query * (PARTS * code + residual)`. `codes` is a whole number of blocks of [`NIBBLE_BLOCK`](super::NIBBLE_BLOCK);
    /// `query` and `residuals` are as long.
    pub(crate) fn dot_finest(self, query: &[f32], codes: &[i8], residuals: &[i8]) -> f32 {
        debug_assert!(query.len() == codes.len() && codes.len() == residuals.len());
        match self.instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Avx512Vnni => unsafe { avx512::dot_finest(query, codes, residuals) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above; AVX-VNNI is offered only where AVX2 and FMA are.
            Instructions::Avx2 | Instructions::AvxVnni => unsafe { fine::dot_finest_avx2(query, codes, residuals) },
            _ => fine::dot_finest(query, codes, residuals),
        }
    }

    /// For each of `places` in how many bits the row of `rows` there, as long as `query`, differs from it.
    #[inline]
    pub(crate) fn differing_bits(self, query: &[u64], rows: &[u64], places: &[u32], out: &mut [i32]) {
        debug_assert_eq!(places.len(), out.len());
        match self.instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernel` of these kinds exists only where the processor said that it has this instruction too.
            Instructions::Avx2 | Instructions::AvxVnni | Instructions::Avx512Vnni => unsafe {
                bits::differing_bits_popcnt(query, rows, places, out);
            },
            _ => bits::differing_bits(query, rows, places, out),
        }
    }

    /// The dot product of two vectors of one length.
    pub(crate) fn dot_f32(self, left: &[f32], right: &[f32]) -> f32 {
        debug_assert_eq!(left.len(), right.len());
        match self.instructions {
            Instructions::Scalar => scalar::dot_f32(left, right),
            #[cfg(target_arch = "aarch64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Neon => unsafe { neon::dot_f32(left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above; AVX-VNNI is offered only where AVX2 and FMA are.
            Instructions::Avx2 | Instructions::AvxVnni => unsafe { avx2::dot_f32(left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512Vnni => unsafe { avx512::dot_f32(left, right) },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;

    use super::super::{PARTS, unpack_nibble};
    use super::*;

    fn paths() -> Vec<Kernel> {
        let mut paths = Vec::new();
        Kernel::available(|kernel| paths.push(kernel));
        paths
    }

    /// Codes from a seed, with the extremes often: what saturating arithmetic would get wrong.
    fn codes(seed: u64, length: usize) -> Vec<i8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..length)
            .map(|_| match next() % 4 {
                0 => 127,
                1 => -127,
                _ => (next() % 255) as i32 as i16 as i8,
            })
            .map(|code| code.max(-127))
            .collect()
    }

    fn check_rows(query: &[i8], rows: &[i8]) {
        let count = rows.len() / query.len();
        let expected: Vec<i64> = rows
            .chunks_exact(query.len())
            .map(|row| row.iter().zip(query).map(|(&r, &q)| i64::from(r) * i64::from(q)).sum())
            .collect();
        for kernel in paths() {
            let mut out = vec![i32::MIN; count];
            kernel.dot_i8_rows(query, rows, &mut out);
            let found: Vec<i64> = out.into_iter().map(i64::from).collect();
            assert_eq!(found, expected, "{} at dimension {}", kernel.name(), query.len());
        }
    }

    #[test]
    fn rows_anywhere_agree_with_rows_in_a_run() {
        for length in [1, 32, 64, 96, 384, 4096] {
            let (query, rows) = (codes(length as u64, length), codes(3 * length as u64, 20 * length));
            let sum = query.iter().map(|&code| i32::from(code)).sum();
            let places: Vec<u32> = (0..20).map(|i| (i * 7) % 20).collect();
            for kernel in paths() {
                for count in [0, 1, 3, 4, 9, 20] {
                    let mut run = [0; 20];
                    kernel.dot_i8_rows(&query, &rows, &mut run);
                    let mut found = vec![0; count];
                    kernel.dot_i8_some(&query, sum, &rows, length, &places[..count], &mut found);
                    let expected: Vec<i32> = places[..count].iter().map(|&place| run[place as usize]).collect();
                    assert_eq!(found, expected, "{} at dimension {length}", kernel.name());
                }
            }
        }
    }

    #[test]
    fn fine_products_agree() {
        for length in [32, 64, 96, 384, 4096] {
            let codes = codes(length as u64, length);
            let nibbles: Vec<u8> = (0..length / 2).map(|i| (i * 37 % 256) as u8).collect();
            let query: Vec<f32> = (0..length).map(|i| ((i * 31) % 17) as f32 / 8.0 - 1.0).collect();
            let value = |i: usize| 16 * i32::from(codes[i]) + i32::from(unpack_nibble(&nibbles, i));
            let exact: f64 = (0..length).map(|i| f64::from(query[i]) * f64::from(value(i))).sum();
            for kernel in paths() {
                let found = f64::from(kernel.dot_fine(&query, &codes, &nibbles));
                assert!((found - exact).abs() < 1e-3 * length as f64, "{}: {found} for {exact}", kernel.name());
            }
            let residuals: Vec<i8> = (0..length).map(|i| (i * 41 % 256) as u8 as i8).collect();
            let value = |i: usize| PARTS * i32::from(codes[i]) + i32::from(residuals[i]);
            let exact: f64 = (0..length).map(|i| f64::from(query[i]) * f64::from(value(i))).sum();
            for kernel in paths() {
                let found = f64::from(kernel.dot_finest(&query, &codes, &residuals));
                assert!((found - exact).abs() < 1e-2 * length as f64, "{}: {found} for {exact}", kernel.name());
            }
        }
    }

    #[test]
    fn counted_bits_agree() {
        let rows: Vec<u64> = (1..=140u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for words in [1, 2, 6, 7] {
            let query: Vec<u64> = (1..=words as u64).map(|i| i.wrapping_mul(0x5851_f42d_4c95_7f2d)).collect();
            let places: Vec<u32> = (0..140 / words as u32).rev().collect();
            let bit = |row: &[u64], i: usize| (row[i / 64] ^ query[i / 64]) >> (i % 64) & 1;
            let row = |place: u32| &rows[place as usize * words..(place as usize + 1) * words];
            let expected: Vec<i32> =
                places.iter().map(|&place| (0..64 * words).map(|i| bit(row(place), i) as i32).sum()).collect();
            for kernel in paths() {
                let mut found = vec![0; places.len()];
                kernel.differing_bits(&query, &rows, &places, &mut found);
                assert_eq!(found, expected, "{} of {words} words", kernel.name());
            }
        }
    }

    #[test]
    fn the_best_path_is_the_last_one_available() {
        assert_eq!(paths().last(), Some(&Kernel::best()));
        assert_eq!(instruction_set(), Kernel::best().name());
    }

    #[test]
    fn extremes_do_not_saturate() {
        for length in [1, 31, 32, 33, 64, 65, 4095, 4096] {
            for (left, right) in [(127, 127), (127, -127), (-127, 127), (-127, -127), (0, -127)] {
                check_rows(&vec![left; length], &vec![right; 5 * length]);
            }
        }
    }

    #[test]
    fn every_short_length_agrees() {
        for length in 1..=200 {
            check_rows(&codes(length as u64, length), &codes(7 * length as u64, 6 * length));
        }
    }

    #[test]
    fn an_empty_query_is_zero() {
        for kernel in paths() {
            let mut out = [3; 2];
            kernel.dot_i8_rows(&[], &[], &mut out);
            assert_eq!(out, [0; 2]);
            assert_eq!(kernel.dot_f32(&[], &[]), 0.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn paths_agree_on_codes(seed: u64, length in 1usize..=4096, count in 0usize..10, shift in 0usize..8) {
            let query = codes(seed, length);
            // A shifted start: no path may rely on alignment.
            let rows = codes(seed.rotate_left(17), count * length + shift);
            check_rows(&query, &rows[shift..]);
        }

        #[test]
        fn paths_agree_on_floats(seed: u64, length in 1usize..=4096, magnitude in -20i32..20) {
            let scale = 2f32.powi(magnitude);
            let float = |seed| codes(seed, length).into_iter().map(|c| f32::from(c) * scale).collect::<Vec<_>>();
            let (left, right) = (float(seed), float(seed.rotate_left(23)));
            let exact: f64 = left.iter().zip(&right).map(|(&l, &r)| f64::from(l) * f64::from(r)).sum();
            let size: f64 = left.iter().zip(&right).map(|(&l, &r)| (f64::from(l) * f64::from(r)).abs()).sum();
            for kernel in paths() {
                let found = f64::from(kernel.dot_f32(&left, &right));
                prop_assert!((found - exact).abs() <= size * 1e-5, "{}: {found} for {exact}", kernel.name());
            }
        }
    }
}
