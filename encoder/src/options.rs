//! What a caller may choose when loading a model.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::precision::Precision;

/// Settings of an [`Encoder`](crate::Encoder) that are not the model's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to compute. Default [`Device::Auto`].
    pub device: Device,
    /// What to compute in. Default [`Precision::Auto`].
    pub precision: Precision,
    /// Threads of the encoder's own pool; `None` (default) shares the process's pool, one thread a core.
    pub threads: Option<usize>,
    /// Most tokens in work at a time, padding included, at least 1. A longer sequence goes alone. `None` (default) is what suits the
    /// device: 8192 on a processor, 131,072 on a GPU.
    pub batch_tokens: Option<usize>,
    /// Keep only this many leading dimensions of a vector (Matryoshka), 1 to the model's own; `None` (default) keeps what the
    /// model's folder says, or all.
    pub dimension: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { device: Device::Auto, precision: Precision::Auto, threads: None, batch_tokens: None, dimension: None }
    }
}

impl Options {
    /// Checks the numbers that do not depend on a model.
    pub(crate) fn validate(&self) -> Result<()> {
        for (option, found) in [("threads", self.threads), ("batch_tokens", self.batch_tokens)] {
            if let Some(found @ 0) = found {
                return Err(Error::OptionTooSmall { option, found, minimum: 1 });
            }
        }
        Ok(())
    }
}
