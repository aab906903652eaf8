//! Contrastive tuning: from states to vectors that find.

mod assemble;
mod loss;
mod rotation;
mod run;
mod share;
mod teacher;
mod texts;

pub use assemble::{Assembled, Frame};
pub use loss::{Links, Objective, Outcome};
pub use run::run;
pub use share::Share;
pub use texts::{Encoded, Sequence, Texts};
