//! One path through the arithmetic: the same plain Rust around the tiles, compiled for one set of instructions.

/// Writes the functions of a path into the module that has `Session`, `tile_codes` and `tile_halves`: with the processor's
/// `features`, tiles of `tile` rows, and whether a fused multiply-add is one instruction.
macro_rules! compile_path {
    ($($(#[$features:meta])+)? tile: $tile:literal, fused: $fused:literal) => {
        /// See [`rows::norm_to_codes`](super::rows::norm_to_codes); for a block of rows of `stride` floats.
        $($(#[$features])+)?
        pub(super) fn norm_to_codes(
            rows: &[f32],
            stride: usize,
            weight: &[f32],
            eps: f32,
            out: &mut super::super::activations::Activations,
        ) {
            let codes = out.codes.chunks_exact_mut(out.depth.max(1));
            for ((row, codes), scale) in rows.chunks_exact(stride).zip(codes).zip(&mut out.scales) {
                *scale = super::rows::norm_to_codes::<$fused>(row, weight, eps, codes);
            }
        }

        /// See [`rows::to_codes`](super::rows::to_codes); for a block of rows of `stride` floats.
        $($(#[$features])+)?
        pub(super) fn to_codes(rows: &[f32], stride: usize, out: &mut super::super::activations::Activations) {
            let codes = out.codes.chunks_exact_mut(out.depth.max(1));
            for ((row, codes), scale) in rows.chunks_exact(stride).zip(codes).zip(&mut out.scales) {
                *scale = super::rows::to_codes(row, codes);
            }
        }

        /// See [`rows::norm`](super::rows::norm); for a block of rows of `stride` floats.
        $($(#[$features])+)?
        pub(super) fn norm(rows: &mut [f32], stride: usize, weight: &[f32], eps: f32) {
            for row in rows.chunks_exact_mut(stride) {
                super::rows::norm::<$fused>(row, weight, eps);
            }
        }

        /// A row of queries, keys and values, `head` floats each, head by head, to bf16 with `padded` numbers each.
        $($(#[$features])+)?
        pub(super) fn turn(
            from: &[f32],
            head: usize,
            angles: (&[f32], &[f32]),
            scale: f32,
            to: &mut [u16],
            padded: usize,
        ) {
            for (from, to) in from.chunks_exact(3 * head).zip(to.chunks_exact_mut(3 * padded)) {
                super::rows::turn(&from[..head], angles, scale, &mut to[..head]);
                super::rows::turn(&from[head..2 * head], angles, 1.0, &mut to[padded..padded + head]);
                super::rows::to_halves(&from[2 * head..], &mut to[2 * padded..2 * padded + head]);
            }
        }

        /// See [`product`](super::product::product).
        $($(#[$features])+)?
        pub(super) fn product(
            activations: &super::super::activations::Activations,
            rows: usize,
            matrix: &super::super::matrix::Matrix,
            output: &mut super::product::Output<'_>,
            stride: usize,
        ) {
            let _session = Session::begin();
            super::product::product::<$tile, $fused>(
                activations,
                rows,
                matrix,
                output,
                stride,
                |rows, depth, panels, sums| tile_codes::<$tile>(rows, depth, panels, sums),
            );
        }

        /// See [`attend`](super::attend::attend).
        $($(#[$features])+)?
        pub(super) fn attend(
            head: &super::attend::Head<'_>,
            from: usize,
            scratch: &mut super::attend::Scratch,
            out: &mut [f32],
            out_width: usize,
        ) {
            let _session = Session::begin();
            super::attend::attend::<$tile, $fused>(
                head,
                from,
                scratch,
                out,
                out_width,
                |rows, stride, depth, panels, out, out_stride, add| {
                    tile_halves::<$tile>(rows, stride, depth, panels, out, out_stride, add)
                },
            );
        }
    };
}

pub(super) use compile_path;
