//! Files of plain little-endian numbers, mapped into memory and seen as slices.
//!
//! The one place of this module's `unsafe`. The files are written here, by temporary name and rename, and never changed afterwards,
//! and a file's length is checked against its manifest before anything of it is read.
#![allow(unsafe_code)]

use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;

use super::error::{Error, Result};

const _: () = assert!(cfg!(target_endian = "little"), "the files are little-endian and are read in place");

/// Numbers that any bytes are a valid value of.
pub(crate) trait Number: Copy + sealed::Sealed {}

mod sealed {
    pub(crate) trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

impl Number for u16 {}
impl Number for u32 {}
impl Number for u64 {}

/// A file of numbers.
pub(crate) struct Mapped<T> {
    /// `None` for an empty file, which cannot be mapped.
    map: Option<memmap2::Mmap>,
    number: PhantomData<T>,
}

impl<T: Number> Mapped<T> {
    /// Maps a file that should hold `expected` numbers, or any whole number of them.
    pub(crate) fn open(path: &Path, expected: Option<u64>) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let bytes = file.metadata().map_err(Error::io(path))?.len();
        let width = size_of::<T>() as u64;
        let whole = expected.unwrap_or(bytes / width);
        if whole.checked_mul(width) != Some(bytes) {
            return Err(Error::damaged(path, format!("it has {bytes} bytes where {whole} numbers of {width} belong")));
        }
        // SAFETY: the file is ours and nobody writes to it once it has its name (see above); the map is read-only and private to
        // this value. Whoever truncates it by hand while it is mapped gets a signal and no wrong data.
        let map = if bytes == 0 { None } else { Some(unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io(path))?) };
        Ok(Self { map, number: PhantomData })
    }

    /// All of its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// All of its numbers.
    pub(crate) fn as_slice(&self) -> &[T] {
        let bytes = self.bytes();
        // SAFETY: `Number` is implemented for unsigned integers alone, for which any bytes are a valid value.
        let (before, numbers, after) = unsafe { bytes.align_to::<T>() };
        debug_assert!(before.is_empty() && after.is_empty(), "maps start at a page and hold whole numbers");
        numbers
    }
}
