//! A build without Parquet (feature `formats`).

use std::marker::PhantomData;
use std::path::Path;

use super::export::Tables;
use super::record::{ChunkRow, DocumentRow};
use crate::error::{Error, Result};

/// Cannot be made.
pub(super) enum ParquetWriter {}

impl ParquetWriter {
    /// Says why.
    pub(super) fn create(_: &Path, _: usize) -> Result<Self> {
        Err(missing())
    }
}

impl Tables for ParquetWriter {
    fn document(&mut self, _: &DocumentRow) -> Result<()> {
        match *self {}
    }

    fn chunk(&mut self, _: &ChunkRow) -> Result<()> {
        match *self {}
    }

    fn finish(self: Box<Self>) -> Result<()> {
        match *self {}
    }
}

/// Cannot be opened.
pub(super) struct ParquetReader<T> {
    rows: PhantomData<T>,
}

impl<T> ParquetReader<T> {
    /// Says why.
    pub(super) fn open(_: &Path, _: &str) -> Result<Self> {
        Err(missing())
    }
}

impl<T> Iterator for ParquetReader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

fn missing() -> Error {
    let reason = "this build has no Parquet (feature `formats`); use jsonl".to_owned();
    Error::Argument { field: "format", reason }
}
