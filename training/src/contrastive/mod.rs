//! Contrastive tuning: from states to vectors that find.

mod loss;
mod texts;

pub use loss::{Links, Objective, Outcome};
pub use texts::{Encoded, Sequence, Texts};
