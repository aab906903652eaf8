//! After a failed write the store refuses to go on writing.
//!
//! When `fsync` fails, the system may have dropped the pages it could not write, and a second `fsync` reports success
//! (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). Only opening the store anew,
//! which reads what is really there, tells what was kept.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// Set once, at the first failed write; never cleared.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    reason: OnceLock<String>,
}

impl Poison {
    /// Stops all later writes. The first reason stays.
    pub(crate) fn set(&self, reason: impl Into<String>) {
        let _ = self.reason.set(reason.into());
    }

    /// # Errors
    /// [`Error::Poisoned`] after the first failed write.
    pub(crate) fn check(&self) -> Result<()> {
        match self.reason.get() {
            None => Ok(()),
            Some(reason) => Err(Error::Poisoned { reason: reason.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let poison = Poison::default();
        assert!(poison.check().is_ok());
        poison.set("first");
        poison.set("second");
        assert!(matches!(poison.check(), Err(Error::Poisoned { reason }) if reason == "first"));
    }
}
