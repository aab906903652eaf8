//! The checkpoints of a run: writing them, finding the newest, and letting old ones go.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk;
use super::export::WeightFormat;
use super::read::Checkpoint;
use super::state::{FORMAT, Manifest, State};
use super::tensor::TensorSpec;
use super::writer;
use crate::error::{Error, Result};
use crate::run::Phase;

/// The file of the state.
pub(super) const STATE: &str = "state.json";
/// The file of the tensors.
pub(super) const TENSORS: &str = "tensors.safetensors";

/// The checkpoints of one phase of a run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// Those of `phase` in the run's folder `output`; the newest `keep` are kept, at least one.
    #[must_use]
    pub fn new(output: &Path, phase: Phase, keep: usize) -> Self {
        Self { folder: output.join("checkpoints").join(phase.name()), keep: keep.max(1) }
    }

    /// Writes a checkpoint, all of it or nothing, then removes those that are too many. `values` is asked for the values of each of
    /// `tensors` once, in order. Gives the checkpoint's folder.
    ///
    /// # Errors
    /// [`Error::Io`], whatever `values` fails with, and [`Error::Checkpoint`] where it gives another number of values than the shape
    /// says.
    pub fn save(
        &self,
        state: &State,
        tensors: &[TensorSpec],
        values: impl FnMut(&TensorSpec) -> Result<Vec<f32>>,
    ) -> Result<PathBuf> {
        let name = format!("step-{}", state.step);
        let partial = self.folder.join(format!(".{name}.partial"));
        disk::fresh(&partial)?;
        let written = writer::write(&partial.join(TENSORS), tensors, WeightFormat::F32, values)?;
        let files = BTreeMap::from([(TENSORS.to_owned(), written)]);
        let manifest = Manifest { format: FORMAT, state: state.clone(), files };
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Checkpoint {
            path: partial.clone(),
            reason: format!("its state cannot be written: {error}"),
        })?;
        disk::write(&partial.join(STATE), &text)?;
        let folder = self.folder.join(name);
        disk::publish(&partial, &folder)?;
        self.prune()?;
        Ok(folder)
    }

    /// The newest checkpoint, its bytes checked.
    ///
    /// # Errors
    /// [`Error::Damaged`] where its files are not those that were written, and [`Error::Io`].
    pub fn latest(&self) -> Result<Option<Checkpoint>> {
        self.all()?.pop().map(|(_, folder)| Checkpoint::open(&folder)).transpose()
    }

    /// Removes all, for a run from the start.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn clear(&self) -> Result<()> {
        disk::remove(&self.folder)
    }

    /// Step and folder of each, oldest first.
    fn all(&self) -> Result<Vec<(u64, PathBuf)>> {
        let mut all = Vec::new();
        for path in self.entries()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(step) = name.strip_prefix("step-").and_then(|step| step.parse().ok()) {
                all.push((step, path));
            }
        }
        all.sort_unstable();
        Ok(all)
    }

    fn prune(&self) -> Result<()> {
        let mut all = self.all()?;
        all.truncate(all.len().saturating_sub(self.keep));
        let leftovers = self
            .entries()?
            .into_iter()
            .filter(|path| path.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b".step-"));
        all.into_iter().map(|(_, folder)| folder).chain(leftovers).try_for_each(|folder| disk::remove(&folder))
    }

    fn entries(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(&self.folder)(error)),
        };
        entries.map(|entry| Ok(entry.map_err(Error::io(&self.folder))?.path())).collect()
    }
}
