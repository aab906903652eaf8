//! Attention on the GPU, put together from cuBLAS products per group (one head of one sequence) and kernels between them.
//!
//! Up to [`KEPT`] positions the probabilities are kept for the backward pass; beyond, flash-attn mixes the values where the build has it,
//! or the groups go through in chunks of bounded size, and the backward pass computes the probabilities again in such chunks, since they
//! grow with the square of the length.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::flash;
use super::launch::{Kernel, fresh, place, reach};

/// Longest sequence whose probabilities are kept.
const KEPT: usize = 1024;

/// Scores of a chunk of longer sequences: half a gigabyte in bf16.
const CHUNK: usize = 1 << 28;

/// The sizes of one call.
struct Sizes {
    rows: usize,
    groups: usize,
    seq: usize,
    heads: usize,
    width: usize,
    dtype: DType,
    device: Device,
}

impl Sizes {
    fn of(qkv: &Tensor, seq: usize, heads: usize) -> Result<Self> {
        let (rows, triple) = qkv.dims2()?;
        if seq == 0 || heads == 0 || rows % seq != 0 || triple % (6 * heads) != 0 {
            bail!("{rows} rows of {triple} are no attention over {seq} positions with {heads} heads");
        }
        let (groups, width) = (rows / seq * heads, triple / 3 / heads);
        Ok(Self { rows, groups, seq, heads, width, dtype: qkv.dtype(), device: qkv.device().clone() })
    }

    /// First group and number of groups of each chunk.
    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> {
        let most = if self.seq <= KEPT { self.groups } else { CHUNK / (self.seq * self.seq) };
        let (groups, most) = (self.groups, most.max(1));
        (0..groups).step_by(most).map(move |first| (first, most.min(groups - first)))
    }

    /// Work of a kernel that takes `reach` neighbours of `groups` groups a thread.
    fn pieces(&self, groups: usize, reach: usize) -> usize {
        groups * self.seq * (self.width / reach)
    }

    /// Queries and keys, turned, and values: `(3, groups, seq, width)`.
    fn split_rotated(&self, qkv: &Tensor, table: &Tensor) -> Result<Tensor> {
        let parts = fresh((3, self.groups, self.seq, self.width), self.dtype, &self.device)?;
        let places = [
            place(qkv, self.dtype, (self.rows, 3 * self.heads * self.width))?,
            place(table, DType::F32, (self.positions(table)?, self.width / 2, 2))?,
            place(&parts, self.dtype, parts.shape())?,
        ];
        let reach = reach(self.width, &places, 2);
        Kernel::new("split_rotated", self.dtype, reach)?
            .tensors(&places)
            .counts(&[self.groups, self.seq, self.heads, self.width])
            .over(&self.device, self.pieces(self.groups, reach))?;
        Ok(parts)
    }

    fn positions(&self, table: &Tensor) -> Result<usize> {
        match table.dim(0)? {
            positions if positions < self.seq => bail!("angles for {positions} positions, not {}", self.seq),
            positions => Ok(positions),
        }
    }

    /// Softmax of the scores of a chunk: `(count, seq, seq)`.
    fn probabilities(&self, parts: &Tensor, lengths: &Tensor, first: usize, count: usize) -> Result<Tensor> {
        let (query, key) = (part(parts, 0, first, count)?, part(parts, 1, first, count)?);
        let scores = query.matmul(&key.t()?)?;
        let at = place(&scores, self.dtype, (count, self.seq, self.seq))?;
        Kernel::new("masked_softmax", self.dtype, reach(self.seq, &[at], 1))?
            .tensors(&[at, place(lengths, DType::U32, self.groups / self.heads)?])
            .counts(&[first, count, self.seq, self.heads])
            .numbers(&[self.scale()])
            .over_rows(&self.device, count * self.seq)?;
        Ok(scores)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// Copies between rows `(rows, heads * width)` and a chunk's groups `(count, seq, width)`.
    fn copy_heads(&self, kernel: &str, from: &Tensor, to: &Tensor, first: usize, count: usize) -> Result<()> {
        let places = [place(from, self.dtype, from.shape())?, place(to, self.dtype, to.shape())?];
        let reach = reach(self.width, &places, 2);
        Kernel::new(kernel, self.dtype, reach)?
            .tensors(&places)
            .counts(&[first, count, self.seq, self.heads, self.width])
            .over(&self.device, self.pieces(count, reach))
    }

    /// The gradient of a chunk's scores, written over that of its probabilities.
    fn softmax_backward(&self, p: &Tensor, dp: &Tensor, count: usize) -> Result<()> {
        let shape = (count, self.seq, self.seq);
        let places = [place(p, self.dtype, shape)?, place(dp, self.dtype, shape)?];
        Kernel::new("softmax_backward", self.dtype, reach(self.seq, &places, 1))?
            .tensors(&places)
            .counts(&[count * self.seq, self.seq])
            .numbers(&[self.scale()])
            .over_rows(&self.device, count * self.seq)
    }

    /// Gradients of a chunk's turned queries and keys and its values to their places in `dqkv`.
    fn merge_rotated(&self, parts: [&Tensor; 3], table: &Tensor, dqkv: &Tensor, first: usize) -> Result<()> {
        let count = parts[0].dim(0)?;
        let shape = (count, self.seq, self.width);
        let places = [
            place(parts[0], self.dtype, shape)?,
            place(parts[1], self.dtype, shape)?,
            place(parts[2], self.dtype, shape)?,
            place(table, DType::F32, (self.positions(table)?, self.width / 2, 2))?,
            place(dqkv, self.dtype, (self.rows, 3 * self.heads * self.width))?,
        ];
        let reach = reach(self.width, &places, 2);
        Kernel::new("merge_rotated", self.dtype, reach)?
            .tensors(&places)
            .counts(&[first, count, self.seq, self.heads, self.width])
            .over(&self.device, self.pieces(count, reach))
    }
}

/// One part's chunk `(count, seq, width)` of `(3, groups, seq, width)`.
fn part(parts: &Tensor, which: usize, first: usize, count: usize) -> Result<Tensor> {
    parts.get(which)?.narrow(0, first, count)
}

pub(in crate::op) fn attention(
    qkv: &Tensor,
    table: &Tensor,
    lengths: &Tensor,
    seq: usize,
    heads: usize,
) -> Result<(Tensor, Vec<Tensor>)> {
    let sizes = Sizes::of(qkv, seq, heads)?;
    let parts = sizes.split_rotated(qkv, table)?;
    let out = fresh((sizes.rows, heads * sizes.width), sizes.dtype, &sizes.device)?;
    if seq > KEPT && flash::takes(sizes.groups, sizes.width, sizes.dtype) {
        let mixed = flash::attend(&parts, lengths, heads)?;
        sizes.copy_heads("merge_heads", &mixed, &out, 0, sizes.groups)?;
        return Ok((out, Vec::new()));
    }
    let mut saved = Vec::new();
    for (first, count) in sizes.chunks() {
        let p = sizes.probabilities(&parts, lengths, first, count)?;
        let mixed = p.matmul(&part(&parts, 2, first, count)?)?;
        sizes.copy_heads("merge_heads", &mixed, &out, first, count)?;
        if seq <= KEPT {
            saved = vec![parts.clone(), p];
        }
    }
    Ok((out, saved))
}

pub(in crate::op) fn attention_backward(
    qkv: &Tensor,
    saved: &[Tensor],
    dout: &Tensor,
    table: &Tensor,
    lengths: &Tensor,
    seq: usize,
    heads: usize,
) -> Result<Tensor> {
    let sizes = Sizes::of(qkv, seq, heads)?;
    if dout.dims2()? != (sizes.rows, heads * sizes.width) {
        bail!("a gradient {:?} for {} rows of {}", dout.shape(), sizes.rows, heads * sizes.width);
    }
    let (parts, kept) = match saved {
        [parts, p] => (parts.clone(), Some(p)),
        _ => (sizes.split_rotated(qkv, table)?, None),
    };
    let dqkv = fresh(qkv.shape(), sizes.dtype, &sizes.device)?;
    for (first, count) in sizes.chunks() {
        let p = match kept {
            Some(p) => p.clone(),
            None => sizes.probabilities(&parts, lengths, first, count)?,
        };
        let dmixed = fresh((count, seq, sizes.width), sizes.dtype, &sizes.device)?;
        sizes.copy_heads("split_heads", dout, &dmixed, first, count)?;
        let dvalue = p.t()?.matmul(&dmixed)?;
        let dscores = dmixed.matmul(&part(&parts, 2, first, count)?.t()?)?;
        sizes.softmax_backward(&p, &dscores, count)?;
        drop(p);
        let dquery = dscores.matmul(&part(&parts, 1, first, count)?)?;
        let dkey = dscores.t()?.matmul(&part(&parts, 0, first, count)?)?;
        sizes.merge_rotated([&dquery, &dkey, &dvalue], table, &dqkv, first)?;
    }
    Ok(dqkv)
}
