//! Attention for where no kernel takes sequences of different lengths: sequences of about one length are padded to it and go together.
//!
//! In f32, a block of query rows at a time, so that long sequences never need all their scores at once. Where a token sees only some
//! neighbours, a block looks at no keys but theirs.

use std::ops::Range;

use candle_core::{D, DType, Device, Result, Tensor};

use crate::backend::Layout;
use crate::batch;

/// Scores held at once: 256 MiB of f32.
const SCORES: usize = 64 << 20;
/// cuBLAS takes 65,535 products at once, and there is one for each head of each sequence.
const MOST_SEQUENCES: usize = 2048;
/// Fewer rows than this make the products inefficient.
const FEWEST_ROWS: usize = 16;

/// The sequences of a batch in groups of about one length.
pub(crate) struct Buckets {
    groups: Vec<Bucket>,
    /// Where each row of the batch is found in the groups' rows, one group after the other `(tokens,)`.
    back: Tensor,
}

struct Bucket {
    sequences: usize,
    width: usize,
    /// The batch's row for each row of the group, any row for padding `(sequences * width,)`.
    rows: Tensor,
    /// What is added to the scores of a sequence's keys: 0, or enough to hide padding `(sequences, 1, 1, width)`; `None` without padding.
    mask: Option<Tensor>,
}

impl Buckets {
    /// Groups sequences of `lengths` tokens, packed in this order.
    pub(crate) fn new(lengths: &[usize], device: &Device) -> Result<Self> {
        let mut next = 0;
        let rows: Vec<Range<usize>> = lengths
            .iter()
            .map(|length| {
                next += length;
                next - length..next
            })
            .collect();
        let mut back = vec![0_u32; next];
        let mut placed = 0;
        let mut groups = Vec::new();
        let groups_of_one_length = batch::plan(lengths, usize::MAX, Layout::Padded);
        for group in groups_of_one_length.iter().flat_map(|group| group.chunks(MOST_SEQUENCES)) {
            let members: Vec<Range<usize>> = group.iter().filter_map(|&i| rows.get(i).cloned()).collect();
            let width = members.iter().map(Range::len).max().unwrap_or(0);
            for (member, start) in members.iter().zip((placed..).step_by(width.max(1))) {
                for (back, at) in back.get_mut(member.clone()).into_iter().flatten().zip(start..) {
                    *back = at as u32;
                }
            }
            placed += members.len() * width;
            groups.push(Bucket::new(&members, width, device)?);
        }
        Ok(Self { groups, back: Tensor::from_vec(back, next, device)? })
    }

    /// `qkv` `(tokens, 3 * hidden)`, per head query, key, value, rotated, to the mixed values `(tokens, hidden)`, heads side by side.
    /// With a `window` a token sees so many to either side, else all.
    pub(crate) fn attend(&self, qkv: &Tensor, heads: usize, window: Option<usize>) -> Result<Tensor> {
        let mixed = self.groups.iter().map(|group| group.attend(qkv, heads, window)).collect::<Result<Vec<_>>>()?;
        Tensor::cat(&mixed, 0)?.index_select(&self.back, 0)
    }
}

impl Bucket {
    fn new(members: &[Range<usize>], width: usize, device: &Device) -> Result<Self> {
        let padded = |member: &Range<usize>| {
            let first = member.start as u32;
            member.clone().map(|row| row as u32).chain(std::iter::repeat(first)).take(width)
        };
        let rows: Vec<u32> = members.iter().flat_map(padded).collect();
        let bias = |member: &Range<usize>| {
            let length = member.len();
            (0..width).map(move |key| if key < length { 0.0 } else { f32::MIN })
        };
        let mask = match members.iter().all(|member| member.len() == width) {
            true => None,
            false => {
                let bias: Vec<f32> = members.iter().flat_map(bias).collect();
                Some(Tensor::from_vec(bias, (members.len(), 1, 1, width), device)?)
            }
        };
        Ok(Self { sequences: members.len(), width, rows: Tensor::from_vec(rows, members.len() * width, device)?, mask })
    }

    fn attend(&self, qkv: &Tensor, heads: usize, window: Option<usize>) -> Result<Tensor> {
        let (sequences, width) = (self.sequences, self.width);
        let hidden = qkv.dim(1)? / 3;
        let head_dim = hidden / heads;
        let shape = (sequences, width, heads, 3 * head_dim);
        let grouped = qkv.index_select(&self.rows, 0)?.reshape(shape)?.transpose(1, 2)?; // (sequences, heads, width, 3 * head_dim)
        let part = |i: usize| grouped.narrow(D::Minus1, i * head_dim, head_dim)?.to_dtype(DType::F32)?.contiguous();
        let queries = part(0)?.affine(1.0 / (head_dim as f64).sqrt(), 0.0)?;
        let keys = part(1)?.transpose(2, 3)?.contiguous()?;
        let values = part(2)?;

        // As many keys to either side as queries in between: two thirds of the products are wanted.
        let rows = window.map_or(SCORES / (sequences * heads * width).max(1), |window| window).max(FEWEST_ROWS);
        let mut mixed = Vec::with_capacity(width.div_ceil(rows));
        for start in (0..width).step_by(rows) {
            let end = width.min(start + rows);
            let seen = window.map_or(0..width, |window| start.saturating_sub(window)..width.min(end + window));
            let queries = queries.narrow(2, start, end - start)?.contiguous()?;
            let keys = keys.narrow(3, seen.start, seen.len())?.contiguous()?;
            let values = values.narrow(2, seen.start, seen.len())?.contiguous()?;
            let mut scores = queries.matmul(&keys)?; // (sequences, heads, rows, seen)
            if let Some(mask) = &self.mask {
                scores = scores.broadcast_add(&mask.narrow(3, seen.start, seen.len())?)?;
            }
            if let Some(window) = window {
                scores = scores.broadcast_add(&band(start..end, &seen, window, qkv.device())?)?;
            }
            mixed.push(candle_nn::ops::softmax_last_dim(&scores)?.matmul(&values)?);
        }
        let mixed = Tensor::cat(&mixed, 2)?.transpose(1, 2)?.reshape((sequences * width, hidden))?;
        mixed.to_dtype(qkv.dtype())
    }
}

/// What is added to the scores of `queries` over the keys `seen`: 0 within `window` of each other, else enough to hide them.
fn band(queries: Range<usize>, seen: &Range<usize>, window: usize, device: &Device) -> Result<Tensor> {
    let row = |query: usize| seen.clone().map(move |key| if key.abs_diff(query) <= window { 0.0 } else { f32::MIN });
    let bias: Vec<f32> = queries.clone().flat_map(row).collect();
    Tensor::from_vec(bias, (queries.len(), seen.len()), device)
}
