//! A tensor's values as a slice, without a copy.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Error, Result, Storage, StorageRef, Tensor};

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

fn range(tensor: &Tensor) -> Result<Range<usize>> {
    let (start, end) =
        tensor.layout().contiguous_offsets().ok_or(Error::RequiresContiguous { op: "a trainer's operation" }.bt())?;
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
