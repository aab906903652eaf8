//! Masked-language-model pretraining.

mod masking;
mod rows;
mod run;
mod sampler;
mod step;

pub use masking::{Hidden, Replacement, mask};
pub use rows::{Row, batches, row_tokens, rows, share};
pub use run::run;
pub use sampler::{Cursor, Documents, Sampler, Share, Window};
pub use step::{MaskKey, MaskPolicy, MaskedBatch, Specials, Sums, number};
