//! Which hyper-parameters GLUE is run with: the paper's grids, and what it found best for each task.

use std::fmt;
use std::str::FromStr;

use neodex_eval::glue::GlueTask;

/// One set of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) learning_rate: f64,
    pub(crate) batch: usize,
    pub(crate) weight_decay: f32,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate {:e}, batch {}, decay {:e}", self.learning_rate, self.batch, self.weight_decay)
    }
}

/// A grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    /// That of the final model.
    Paper,
    /// That of the ablations.
    Small,
}

impl FromStr for Grid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "paper" => Ok(Self::Paper),
            "small" => Ok(Self::Small),
            other => Err(format!("there is no grid `{other}`; there are paper and small")),
        }
    }
}

impl Grid {
    /// Learning rates, batches and weight decays.
    pub(crate) fn values(self) -> (Vec<f64>, Vec<usize>, Vec<f32>) {
        match self {
            Self::Paper => (vec![5e-6, 6e-6, 8e-6, 1e-5, 2e-5, 3e-5], vec![2, 4, 8, 16, 32], vec![1e-2, 1e-5]),
            Self::Small => (vec![1e-5, 2e-5, 3e-5], vec![16, 32], vec![1e-2]),
        }
    }
}

/// What the paper found best for NeoBERT4096 (its table 6); for WNLI, which it leaves out, what was best for RTE.
pub(crate) fn best_cell(task: GlueTask) -> Cell {
    let (batch, learning_rate, weight_decay) = match task {
        GlueTask::Cola => (8, 8e-6, 1e-5),
        GlueTask::Mnli => (16, 5e-6, 1e-5),
        GlueTask::Mrpc => (2, 1e-5, 1e-5),
        GlueTask::Qnli => (8, 5e-6, 1e-5),
        GlueTask::Qqp => (32, 8e-6, 1e-5),
        GlueTask::Rte | GlueTask::Wnli => (32, 5e-6, 1e-5),
        GlueTask::Sst2 => (32, 8e-6, 1e-2),
        GlueTask::Stsb => (32, 2e-5, 1e-5),
    };
    Cell { learning_rate, batch, weight_decay }
}
