//! Which path runs: asked of the processor once, then a match on a byte.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use super::super::activations::Activations;
use super::super::matrix::Matrix;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx;
use super::attend::{Head, Scratch};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::product::Output;
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avx512bf16, avxvnni};

/// A path the running processor can take.
///
/// The field is private and only [`Kernel::available`] fills it, after asking the processor: whoever holds a `Kernel` may run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Kernel {
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
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
}

/// The name of the instruction set that int8 models use on this machine, for reports and benchmarks.
#[must_use]
pub fn instruction_set() -> &'static str {
    Kernel::best().name()
}

/// Calls the function of this name of the path that `$kernel` stands for.
macro_rules! run {
    ($kernel:ident.$function:ident($($argument:expr),*)) => {
        match $kernel.instructions {
            Instructions::Scalar => scalar::$function($($argument),*),
            #[cfg(target_arch = "aarch64")]
            // SAFETY: a `Kernel` of this kind exists only where the processor said that it has these instructions.
            Instructions::Neon => unsafe { neon::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx2 => unsafe { avx2::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::AvxVnni => unsafe { avxvnni::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512Vnni => unsafe { avx512::$function($($argument),*) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Instructions::Avx512Bf16 => unsafe { avx512bf16::$function($($argument),*) },
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            // SAFETY: as above, and the system granted them.
            Instructions::Amx => unsafe { amx::$function($($argument),*) },
        }
    };
}

impl Kernel {
    /// The widest path there is.
    pub(in super::super) fn best() -> Self {
        static BEST: OnceLock<Kernel> = OnceLock::new();
        *BEST.get_or_init(|| {
            let mut best = Kernel { instructions: Instructions::Scalar };
            Self::available(|kernel| best = kernel);
            best
        })
    }

    /// Calls `found` with every path this processor can take, the widest last.
    pub(in super::super) fn available(mut found: impl FnMut(Kernel)) {
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
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            if wide && is_x86_feature_detected!("avx512vnni") {
                offer(Instructions::Avx512Vnni);
                if is_x86_feature_detected!("avx512bf16") {
                    offer(Instructions::Avx512Bf16);
                    #[cfg(target_os = "linux")]
                    if crate::tile_registers::granted() {
                        offer(Instructions::Amx);
                    }
                }
            }
        }
    }

    /// The instruction set's usual name.
    pub(in super::super) fn name(self) -> &'static str {
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
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Bf16 => "AVX-512 VNNI BF16",
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Instructions::Amx => "AMX",
        }
    }

    /// Rows of `stride` floats, a multiple of 64, through an RMS norm to codes.
    pub(in super::super) fn norm_to_codes(
        self,
        rows: &[f32],
        stride: usize,
        weight: &[f32],
        eps: f32,
        out: &mut Activations,
    ) {
        run!(self.norm_to_codes(rows, stride, weight, eps, out));
    }

    /// Rows of `stride` floats, a multiple of 64, to codes.
    pub(in super::super) fn to_codes(self, rows: &[f32], stride: usize, out: &mut Activations) {
        run!(self.to_codes(rows, stride, out));
    }

    /// Rows of `stride` floats through an RMS norm, in place.
    pub(in super::super) fn norm(self, rows: &mut [f32], stride: usize, weight: &[f32], eps: f32) {
        run!(self.norm(rows, stride, weight, eps));
    }

    /// One row of queries (scaled by `scale`), keys and values, `head` floats each, to bf16 in places of `padded` numbers; queries and keys
    /// are turned by `angles`.
    pub(in super::super) fn turn(
        self,
        from: &[f32],
        head: usize,
        angles: (&[f32], &[f32]),
        scale: f32,
        to: &mut [u16],
        padded: usize,
    ) {
        run!(self.turn(from, head, angles, scale, to, padded));
    }

    /// The first `rows` rows of codes times `matrix`, to rows of `stride` floats.
    pub(in super::super) fn product(
        self,
        activations: &Activations,
        rows: usize,
        matrix: &Matrix,
        output: &mut Output<'_>,
        stride: usize,
    ) {
        run!(self.product(activations, rows, matrix, output, stride));
    }

    /// The mixed values `(queries, out_width)` of some queries of a head, from query `from` on.
    pub(in super::super) fn attend(
        self,
        head: &Head<'_>,
        from: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
        out_width: usize,
    ) {
        run!(self.attend(head, from, scratch, out, out_width));
    }
}
