//! A tensor's values as a slice, without a copy.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Error, Result, Storage, StorageRef, Tensor};

use super::strips::Matrix;

/// The values of a contiguous f32 tensor, held for reading.
pub(super) struct Floats<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

/// The values of a contiguous u32 tensor, held for reading.
pub(super) struct Indices<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

/// Borrows an f32 tensor.
pub(super) fn floats(tensor: &Tensor) -> Result<Floats<'_>> {
    let range = range(tensor)?;
    let (storage, _) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(values)) if values.len() >= range.end => Ok(Floats { storage, range }),
        _ => Err(unexpected(tensor, "f32")),
    }
}

/// Borrows a u32 tensor.
pub(super) fn indices(tensor: &Tensor) -> Result<Indices<'_>> {
    let range = range(tensor)?;
    let (storage, _) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(CpuStorage::U32(values)) if values.len() >= range.end => Ok(Indices { storage, range }),
        _ => Err(unexpected(tensor, "u32")),
    }
}

/// The values of an f32 matrix that may be transposed or a part of another, held for reading.
pub(super) struct Strided<'a> {
    storage: StorageRef<'a>,
    start: usize,
    strides: [usize; 2],
}

impl Strided<'_> {
    /// As a matrix of this many rows and columns, which are the tensor's.
    pub(super) fn matrix(&self, rows: usize, columns: usize) -> Matrix<'_> {
        let values = match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => values.get(self.start..).unwrap_or_default(),
            _ => &[],
        };
        let [row_stride, column_stride] = self.strides;
        Matrix { values, rows, columns, row_stride, column_stride }
    }
}

/// Borrows an f32 matrix of any strides.
pub(super) fn strided(tensor: &Tensor) -> Result<Strided<'_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let strides = *layout.stride().as_array::<2>().ok_or_else(|| unexpected(tensor, "two-dimensional"))?;
    match &*storage {
        Storage::Cpu(CpuStorage::F32(_)) => Ok(Strided { start: layout.start_offset(), strides, storage }),
        _ => Err(unexpected(tensor, "f32")),
    }
}

fn range(tensor: &Tensor) -> Result<Range<usize>> {
    let (start, end) = tensor
        .layout()
        .contiguous_offsets()
        .ok_or_else(|| Error::RequiresContiguous { op: "a trainer's operation" }.bt())?;
    Ok(start..end)
}

fn unexpected(tensor: &Tensor, wanted: &str) -> Error {
    Error::Msg(format!(
        "a {wanted} tensor on the CPU is wanted here, found {:?} on {:?}",
        tensor.dtype(),
        tensor.device()
    ))
    .bt()
}

impl Deref for Floats<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => values.get(self.range.clone()).unwrap_or_default(),
            _ => &[],
        }
    }
}

impl Deref for Indices<'_> {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::U32(values)) => values.get(self.range.clone()).unwrap_or_default(),
            _ => &[],
        }
    }
}
