//! The nearest rows of every row among very many, by exact products on a GPU. Not the encoder's own affair: a vector index wants it, and this
//! crate is the one that knows how to work with a GPU.

use std::ops::Range;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::gpu;

/// Rows on a GPU, to be compared all with all.
///
/// A row is integers, -127..=127, and three numbers. With `q` and `c` for two rows, their score is
/// `scale * q.factor * c.factor * dot(q.codes, c.codes) + q.offset + c.offset + q.lift * c.lift`. The products are of whole numbers in `f32`: exact up
/// to 1,040 integers a row, whatever the order and the kind of arithmetic of the device.
pub struct NearestRows {
    rows: gpu::nearest::Rows,
    width: usize,
    len: usize,
}

/// What a row brings to its scores beside its integers: factor, offset and lift.
pub type Terms = [f32; 3];

impl NearestRows {
    /// The most rows that [`push`](NearestRows::push) takes at once.
    pub const MOST_PUSHED: usize = 16_384;
    /// The most rows that [`nearest`](NearestRows::nearest) is asked about at once.
    pub const MOST_ASKED: usize = 4_096;
    /// The most neighbours of a row.
    pub const MOST_NEAREST: usize = 128;

    /// Opens a GPU for rows of `width` integers.
    ///
    /// # Errors
    /// [`Error::DeviceUnavailable`] where `device` is no GPU, or this build or this machine has none.
    pub fn on(device: Device, width: usize, scale: f32) -> Result<Self> {
        let unavailable = |reason| Error::DeviceUnavailable { device: device.to_string(), reason };
        let ordinal = match device {
            Device::Cuda(ordinal) => ordinal,
            Device::Auto => 0,
            Device::Cpu => return Err(unavailable("neighbours are found on a GPU only".to_owned())),
        };
        let opened = gpu::open(ordinal).map_err(unavailable)?;
        Ok(Self { rows: gpu::nearest::Rows::new(opened, scale), width, len: 0 })
    }

    /// Adds rows: `codes` are their integers end to end, `terms` what each brings beside them.
    ///
    /// # Errors
    /// [`Error::RowsDoNotFit`]; [`Error::Compute`] from the device, for instance when its memory is full.
    pub fn push(&mut self, codes: &[i8], terms: &[Terms]) -> Result<()> {
        if codes.len() != terms.len() * self.width || self.width == 0 || terms.is_empty() {
            return Err(Error::RowsDoNotFit {
                what: "integers",
                found: codes.len(),
                expected: terms.len() * self.width,
            });
        }
        let most = Self::MOST_PUSHED.min(u32::MAX as usize - self.len);
        if terms.len() > most {
            return Err(Error::RowsDoNotFit { what: "rows", found: terms.len(), expected: most });
        }
        self.rows.push(codes, terms)?;
        self.len += terms.len();
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// For each of `rows` the numbers of the `count` others with the highest scores, best first and equal ones by number, list after list.
    ///
    /// # Errors
    /// [`Error::RowsDoNotFit`]; [`Error::Compute`] from the device.
    pub fn nearest(&self, rows: Range<usize>, count: usize) -> Result<Vec<u32>> {
        let asked = rows.end.saturating_sub(rows.start);
        if rows.end > self.len || asked == 0 || asked > Self::MOST_ASKED {
            return Err(Error::RowsDoNotFit { what: "rows", found: asked, expected: Self::MOST_ASKED.min(self.len) });
        }
        let most = Self::MOST_NEAREST.min(self.len - 1);
        if count == 0 || count > most {
            return Err(Error::RowsDoNotFit { what: "neighbours", found: count, expected: most });
        }
        Ok(self.rows.nearest(rows, count)?)
    }
}

impl std::fmt::Debug for NearestRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NearestRows({} rows of {})", self.len, self.width)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn without_a_gpu_it_says_so() {
        for device in [Device::Cpu, Device::Cuda(99)] {
            match NearestRows::on(device, 32, 1.0) {
                Err(Error::DeviceUnavailable { device: named, .. }) => assert_eq!(named, device.to_string()),
                other => panic!("{device}: {other:?}"),
            }
        }
    }
}
