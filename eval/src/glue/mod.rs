//! GLUE (Wang et al. 2019): its nine tasks, the files it is distributed in, and its metrics.
//!
//! Nothing here trains: a [`GlueTask`] reads [`Examples`] and judges what a model says of them.

mod columns;
mod files;
mod score;
mod task;

pub use files::{Example, Examples, read};
pub use score::{GlueScore, Prediction};
pub use task::{GlueTask, Split, Target};
