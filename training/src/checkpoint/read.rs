//! A checkpoint opened: its state, and its tensors one by one.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata};

use super::state::{FORMAT, Manifest, State};
use super::store::{STATE, TENSORS};
use super::tensor::TensorSpec;
use crate::error::{Error, Result};
use crate::run::Phase;

/// A checkpoint whose bytes are those that were written.
#[derive(Debug)]
pub struct Checkpoint {
    /// Its folder.
    pub path: PathBuf,
    /// Where the run was.
    pub state: State,
    file: File,
    header: Metadata,
    /// Where the data of the tensors starts in the file.
    data: u64,
}

impl Checkpoint {
    /// Opens the checkpoint in `path` and reads every byte of it once, to compare with what was written.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`]; [`Error::Checkpoint`] for the layout of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest = manifest(path)?;
        for (name, written) in &manifest.files {
            let path = path.join(name);
            let mut hash = blake3::Hasher::new();
            let mut file = File::open(&path).map_err(Error::io(&path))?;
            let bytes = std::io::copy(&mut file, &mut hash).map_err(Error::io(&path))?;
            if bytes != written.bytes || hash.finalize().to_hex().as_str() != written.blake3 {
                let reason = format!("{bytes} bytes that differ from the {} that were written", written.bytes);
                return Err(Error::Damaged { path, reason });
            }
        }
        let tensors = path.join(TENSORS);
        let mut file = File::open(&tensors).map_err(Error::io(&tensors))?;
        let (header, data) = header(&tensors, &mut file)?;
        Ok(Self { path: path.to_owned(), state: manifest.state, file, header, data })
    }

    /// Checks that it belongs to this phase of this recipe.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] saying what differs.
    pub fn expect(&self, phase: Phase, recipe: &str) -> Result<()> {
        let state = &self.state;
        if state.phase != phase {
            let reason = format!(
                "was written by {}, not by {}; to start from its weights use --init",
                state.phase.name(),
                phase.name()
            );
            return Err(self.fault(reason));
        }
        if state.recipe != recipe {
            let reason = format!(
                "belongs to another recipe (its hash is {}, this one's is {recipe}); go on with the recipe it was made with, or start \
                 from its weights with --init",
                state.recipe
            );
            return Err(self.fault(reason));
        }
        Ok(())
    }

    /// Whether there is a tensor `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    /// The values of a tensor.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where it is absent or of another shape; [`Error::Io`].
    pub fn tensor(&mut self, spec: &TensorSpec) -> Result<Vec<f32>> {
        let Some(info) = self.header.info(&spec.name) else {
            return Err(self.fault(format!("has no tensor `{}`", spec.name)));
        };
        if info.shape != spec.shape || info.dtype != Dtype::F32 {
            let reason = format!(
                "holds `{}` as {:?} of shape {:?}; this run needs F32 of shape {:?}",
                spec.name, info.dtype, info.shape, spec.shape
            );
            return Err(self.fault(reason));
        }
        let (start, end) = info.data_offsets;
        let mut bytes = vec![0; end - start];
        let read =
            self.file.seek(SeekFrom::Start(self.data + start as u64)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(Error::io(&self.path.join(TENSORS)))?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn fault(&self, reason: String) -> Error {
        Error::Checkpoint { path: self.path.clone(), reason }
    }
}

fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(STATE);
    let text = fs::read(&path).map_err(Error::io(&path))?;
    let damaged = |error: serde_json::Error| Error::Damaged { path: path.clone(), reason: error.to_string() };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    // The number first: another layout has other keys.
    let found = value.get("format").and_then(serde_json::Value::as_u64);
    if found != Some(u64::from(FORMAT)) {
        let found = found.map_or("none".to_owned(), |found| found.to_string());
        let reason = format!("has format {found}; this version reads {FORMAT}");
        return Err(Error::Checkpoint { path: folder.to_owned(), reason });
    }
    serde_json::from_value(value).map_err(damaged)
}

/// The table at the head of a safetensors file, and where the data after it starts.
fn header(path: &Path, file: &mut File) -> Result<(Metadata, u64)> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(Error::io(path))?;
    let length = u64::from_le_bytes(length);
    let mut text = Vec::new();
    file.by_ref().take(length).read_to_end(&mut text).map_err(Error::io(path))?;
    let header = serde_json::from_slice(&text)
        .map_err(|error| Error::Damaged { path: path.to_owned(), reason: format!("its header: {error}") })?;
    Ok((header, 8 + length))
}
