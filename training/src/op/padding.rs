//! Where padded sequences end, on the device: what an attention that knows only whole sequences needs to be told.
//!
//! Groups are the heads of sequences, numbered as in the kernels: sequence times heads plus head.

use candle_core::{Result, Tensor};

/// The bounds `(2 * b * heads + 1,)` in u32 of every group's own rows and of its padding, one after the other, groups being `seq` rows each;
/// `lengths` `(b,)`, cut at `seq`.
pub(super) fn bounds(lengths: &Tensor, seq: usize, heads: usize) -> Result<Tensor> {
    let (ends, groups) = (ends(lengths, seq, heads)?, lengths.dim(0)? * heads);
    let device = lengths.device();
    // No integer kernel multiplies by a number: the starts are counted in steps.
    let starts = Tensor::arange_step(0, (groups * seq) as u32, seq as u32, device)?;
    let pairs = Tensor::stack(&[&starts, &(&starts + ends)?], 1)?.flatten_all()?;
    Tensor::cat(&[pairs, Tensor::new(&[(groups * seq) as u32], device)?], 0)
}

/// 1 where a row is a token and 0 where it is padding: `(b * heads, seq, 1)` in u8.
pub(super) fn real(lengths: &Tensor, seq: usize, heads: usize) -> Result<Tensor> {
    let positions = Tensor::arange(0, seq as u32, lengths.device())?.unsqueeze(0)?;
    positions.broadcast_lt(&ends(lengths, seq, heads)?.unsqueeze(1)?)?.unsqueeze(2)
}

/// The length of every group: `(b * heads,)`.
fn ends(lengths: &Tensor, seq: usize, heads: usize) -> Result<Tensor> {
    let whole = Tensor::full(seq as u32, lengths.dims1()?, lengths.device())?;
    lengths.minimum(&whole)?.unsqueeze(1)?.repeat((1, heads))?.flatten_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use candle_core::Device;

    use super::*;

    #[test]
    fn bounds_part_tokens_from_padding() {
        let lengths = Tensor::new(&[2u32, 4, 9], &Device::Cpu).unwrap();
        let bounds = bounds(&lengths, 4, 2).unwrap().to_vec1::<u32>().unwrap();
        assert_eq!(bounds, [0, 2, 4, 6, 8, 12, 12, 16, 16, 20, 20, 24, 24]);
        let real = real(&lengths, 4, 2).unwrap();
        assert_eq!(real.dims(), [6, 4, 1]);
        let rows = real.squeeze(2).unwrap().to_vec2::<u8>().unwrap();
        assert_eq!(rows, [[1, 1, 0, 0], [1, 1, 0, 0], [1; 4], [1; 4], [1; 4], [1; 4]]);
    }
}
