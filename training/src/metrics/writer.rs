//! Appending to `metrics.jsonl`, so that what is there after a kill and a resume is what an uninterrupted run would have left.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::row::{Row, read};
use crate::error::{Error, Result};
use crate::run::Phase;

/// The file's name in the run's folder.
pub const METRICS: &str = "metrics.jsonl";

/// Writes rows as they come; each is a line of its own in the file as soon as [`MetricsWriter::write`] returns.
#[derive(Debug)]
pub struct MetricsWriter {
    path: PathBuf,
    file: File,
}

impl MetricsWriter {
    /// Opens the metrics of the run in `output` for `phase`, of which `step` steps are done: 0 for a start. Rows beyond them are
    /// dropped, since those steps will be done again, and so are rows of phases that build on this one.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] where the file has lines that are no rows.
    pub fn open(output: &Path, phase: Phase, step: u64) -> Result<Self> {
        fs::create_dir_all(output).map_err(Error::io(output))?;
        let path = output.join(METRICS);
        let kept = |row: &Row| match (row.phase(), phase) {
            (Phase::Pretrain, Phase::Contrastive) => true,
            (Phase::Contrastive, Phase::Pretrain) => false,
            _ => row.step() <= step && step > 0,
        };
        let mut text = String::new();
        for row in read(&path)?.iter().filter(|row| kept(row)) {
            text += &line(&path, row)?;
        }
        let partial = output.join(".metrics.partial");
        let mut file = File::create(&partial).map_err(Error::io(&partial))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io(&partial))?;
        fs::rename(&partial, &path).map_err(Error::io(&path))?;
        Ok(Self { path, file })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&mut self, row: &Row) -> Result<()> {
        let line = line(&self.path, row)?;
        self.file.write_all(line.as_bytes()).map_err(Error::io(&self.path))
    }

    /// Where the rows are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn line(path: &Path, row: &Row) -> Result<String> {
    let text = serde_json::to_string(row).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        reason: format!("a row cannot be written: {error}"),
    })?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::row::{Heldout, Train};
    use super::*;

    fn train(phase: Phase, step: u64) -> Row {
        let (lr, grad_norm, tokens_per_second, seconds) = (1e-3, 1.0, 100.0, 2.5);
        let (stage, loss, tokens, mfu) = (0, 1.0 / step as f64, step * 10, None);
        Row::Train(Train { phase, stage, step, loss, lr, grad_norm, tokens, tokens_per_second, mfu, seconds })
    }

    fn heldout(step: u64) -> Row {
        Row::Heldout(Heldout { phase: Phase::Pretrain, stage: 0, step, loss: 2.0, accuracy: 0.25 })
    }

    #[test]
    fn a_resumed_run_leaves_the_rows_of_an_uninterrupted_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        let rows = [train(Phase::Pretrain, 1), train(Phase::Pretrain, 2), heldout(2), train(Phase::Pretrain, 3)];
        let mut writer = MetricsWriter::open(dir.path(), Phase::Pretrain, 0).unwrap();
        rows.iter().for_each(|row| writer.write(row).unwrap());
        let uninterrupted = fs::read(&path).unwrap();
        drop(writer);
        // Killed in the middle of a line, after the checkpoint of step 2.
        File::options().append(true).open(&path).unwrap().write_all(b"{\"kind\":\"tr").unwrap();
        let mut writer = MetricsWriter::open(dir.path(), Phase::Pretrain, 2).unwrap();
        assert_eq!(read(&path).unwrap(), rows[..3]);
        writer.write(&rows[3]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), uninterrupted);
    }

    #[test]
    fn a_phase_drops_its_own_rows_and_those_of_the_phase_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        let (first, second) = (train(Phase::Pretrain, 9), train(Phase::Contrastive, 4));
        MetricsWriter::open(dir.path(), Phase::Pretrain, 0).unwrap().write(&first).unwrap();
        MetricsWriter::open(dir.path(), Phase::Contrastive, 0).unwrap().write(&second).unwrap();
        assert_eq!(read(&path).unwrap(), [first.clone(), second]);
        MetricsWriter::open(dir.path(), Phase::Contrastive, 0).unwrap();
        assert_eq!(read(&path).unwrap(), [first]);
        MetricsWriter::open(dir.path(), Phase::Pretrain, 0).unwrap();
        assert_eq!(read(&path).unwrap(), []);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        fs::write(&path, "nonsense\n").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("line 1"), "{message}");
    }
}
