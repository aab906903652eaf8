//! Masked-language-model pretraining.

mod masking;
mod run;
mod sampler;
mod step;

pub use masking::{Hidden, Replacement, mask};
pub use run::run;
pub use sampler::{Cursor, Documents, Sampler, Share, Window, batches};
pub use step::{MaskPolicy, MaskedBatch, Specials, Sums, number};
