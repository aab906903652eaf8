//! Rows on the GPU and the nearest of them: products of matrices by cuBLAS, their best kept by `kernels/nearest.cu`.
//!
//! The integers are kept in bf16, which holds them exactly in half of the memory, and widened to f32 a block at a time: a product of bf16
//! would be rounded to bf16, and scores that are near each other with it.
#![allow(unsafe_code)]

use std::ops::Range;

use candle_core::{D, DType, Device, Result, Tensor};
use half::bf16;

use super::launch::{Argument, NEAREST, address, count, launch, number};
use crate::nearest::Terms;

/// Rows of a block of the kernel.
const ROWS: u32 = 8;

/// Rows in the device's memory.
pub(crate) struct Rows {
    device: Device,
    scale: f32,
    blocks: Vec<Block>,
    len: usize,
}

/// Rows that came together.
struct Block {
    /// The number of the first of them.
    first: usize,
    /// (rows, width), bf16.
    codes: Tensor,
    /// (3, rows), f32: factors, offsets, lifts.
    terms: Tensor,
}

impl Rows {
    pub(crate) fn new(device: Device, scale: f32) -> Self {
        Self { device, scale, blocks: Vec::new(), len: 0 }
    }

    /// Adds rows, at least one; there are as many times as many codes as there are terms.
    pub(crate) fn push(&mut self, codes: &[i8], terms: &[Terms]) -> Result<()> {
        let rows = terms.len();
        let wide: Vec<bf16> = codes.iter().map(|&code| bf16::from_f32(f32::from(code))).collect();
        let by_kind: Vec<f32> = (0..3).flat_map(|kind| terms.iter().map(move |terms| terms[kind])).collect();
        self.blocks.push(Block {
            first: self.len,
            codes: Tensor::from_vec(wide, (rows, codes.len() / rows.max(1)), &self.device)?,
            terms: Tensor::from_vec(by_kind, (3, rows), &self.device)?,
        });
        self.len += rows;
        Ok(())
    }

    /// The lists of `rows`, which are among those there are, of `count` others each.
    pub(crate) fn nearest(&self, rows: Range<usize>, nearest: usize) -> Result<Vec<u32>> {
        let asked = rows.len();
        let (codes, own) = self.part(&rows)?;
        let scores = Tensor::full(f32::NEG_INFINITY, (asked, nearest), &self.device)?;
        let numbers = Tensor::full(u32::MAX, (asked, nearest), &self.device)?;
        for block in &self.blocks {
            let columns = block.codes.dim(0)?;
            let dots = codes.matmul(&block.codes.to_dtype(DType::F32)?.t()?)?; // (asked, columns)
            let arguments = [
                address(&dots, DType::F32)?,
                address(&own, DType::F32)?,
                address(&block.terms, DType::F32)?,
                address(&scores, DType::F32)?,
                address(&numbers, DType::U32)?,
                count(asked)?,
                count(columns)?,
                count(rows.start)?,
                count(block.first)?,
                count(nearest)?,
                Argument::Real(self.scale),
            ];
            let grid = (number(asked)?.div_ceil(ROWS), 1);
            // SAFETY: the signature is that of `keep_nearest`; dots are (asked, columns), own (3, asked), the block's terms (3, columns), and the
            // lists, which nobody else has, (asked, nearest) with at most 128 places a list, as the kernel has room for.
            unsafe { launch(self.device.as_cuda_device()?, &NEAREST, "keep_nearest", grid, &arguments)? };
        }
        numbers.flatten_all()?.to_vec1()
    }

    /// The codes of `rows`, in f32 (rows, width), and their terms (3, rows).
    fn part(&self, rows: &Range<usize>) -> Result<(Tensor, Tensor)> {
        let (mut codes, mut terms) = (Vec::new(), Vec::new());
        for block in &self.blocks {
            let end = block.first + block.codes.dim(0)?;
            let (from, to) = (rows.start.max(block.first), rows.end.min(end));
            if from < to {
                codes.push(block.codes.narrow(0, from - block.first, to - from)?);
                terms.push(block.terms.narrow(1, from - block.first, to - from)?);
            }
        }
        let codes = Tensor::cat(&codes, 0)?.to_dtype(DType::F32)?;
        Ok((codes.contiguous()?, Tensor::cat(&terms, D::Minus1)?.contiguous()?))
    }
}
