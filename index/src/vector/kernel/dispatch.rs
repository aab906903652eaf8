//! Which path runs: asked of the processor once, then a match on a byte.
#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avxvnni};

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
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
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
