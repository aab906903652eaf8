//! What GLUE reports for each task.

use serde::{Deserialize, Serialize};

use super::files::Example;
use super::task::{GlueTask, Target};
use crate::error::Result;
use crate::labels::Confusion;
use crate::sts::{pearson, spearman};

/// What a model said of an example: the likeliest class, or a score.
pub type Prediction = Target;

/// The figures of a task on one split. Those it does not have are absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GlueScore {
    /// The figure of the tables: the task's metric, or the mean of its two.
    pub score: f64,
    /// Share decided rightly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// F1 of class 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Matthews' correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matthews: Option<f64>,
    /// Pearson's correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pearson: Option<f64>,
    /// Spearman's correlation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spearman: Option<f64>,
}

impl GlueTask {
    /// What the outputs of a model say: the class of the largest, or the only one.
    pub fn decide(self, outputs: &[f32]) -> Prediction {
        if self.classes().is_empty() {
            return Target::Score(outputs.first().copied().unwrap_or_default().into());
        }
        let mut best = (0, f32::NEG_INFINITY);
        for (class, &output) in outputs.iter().enumerate() {
            if output > best.1 {
                best = (class, output);
            }
        }
        Target::Class(best.0)
    }

    /// Judges one prediction an example, in their order.
    ///
    /// # Errors
    /// When there is not one prediction an example, or a score is not finite.
    pub fn judge(self, examples: &[Example], predictions: &[Prediction]) -> Result<GlueScore> {
        if examples.len() != predictions.len() {
            return Err(crate::Error::LengthMismatch { left: predictions.len(), right: examples.len() });
        }
        let class = |target: &Target| match target {
            Target::Class(class) => *class,
            Target::Score(_) => usize::MAX,
        };
        let number = |target: &Target| match target {
            Target::Class(_) => f64::NAN,
            Target::Score(score) => *score,
        };
        let truths = || examples.iter().map(|example| &example.target);
        if self == GlueTask::Stsb {
            let (said, right) =
                (predictions.iter().map(number).collect::<Vec<f64>>(), truths().map(number).collect::<Vec<f64>>());
            let (pearson, spearman) = (pearson(&said, &right)?, spearman(&said, &right)?);
            return Ok(GlueScore {
                score: (pearson + spearman) / 2.0,
                pearson: Some(pearson),
                spearman: Some(spearman),
                ..GlueScore::default()
            });
        }
        let (said, right): (Vec<usize>, Vec<usize>) =
            (predictions.iter().map(class).collect(), truths().map(class).collect());
        let confusion = Confusion::of(right.iter().zip(&said));
        let accuracy = confusion.accuracy();
        Ok(match self {
            GlueTask::Cola => {
                let matthews = confusion.matthews();
                GlueScore {
                    score: matthews,
                    matthews: Some(matthews),
                    accuracy: Some(accuracy),
                    ..GlueScore::default()
                }
            }
            GlueTask::Mrpc | GlueTask::Qqp => {
                let f1 = confusion.f1(&1);
                let score = (accuracy + f1) / 2.0;
                GlueScore { score, accuracy: Some(accuracy), f1: Some(f1), ..GlueScore::default() }
            }
            _ => GlueScore { score: accuracy, accuracy: Some(accuracy), ..GlueScore::default() },
        })
    }
}
