//! The words in which the recipe says no: which key, what was found, what is allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::{Error, Result};

/// `field` must lie in `allowed`.
pub(super) fn within<T: PartialOrd + Display>(field: &str, found: T, allowed: RangeInclusive<T>) -> Result<()> {
    if allowed.contains(&found) {
        return Ok(());
    }
    Err(Error::config(field, format!("is {found}; it must be {} to {}", allowed.start(), allowed.end())))
}

/// `field` must be `least` or more.
pub(super) fn at_least<T: PartialOrd + Display>(field: &str, found: T, least: T) -> Result<()> {
    if found >= least {
        return Ok(());
    }
    Err(Error::config(field, format!("is {found}; it must be {least} or more")))
}

/// `field` must be a number above zero.
pub(super) fn positive(field: &str, found: f64) -> Result<()> {
    if found > 0.0 && found.is_finite() {
        return Ok(());
    }
    Err(Error::config(field, format!("is {found}; it must be above 0")))
}

/// `field` must hold what `sound` says.
pub(super) fn holds(sound: bool, field: &str, reason: impl FnOnce() -> String) -> Result<()> {
    if sound { Ok(()) } else { Err(Error::config(field, reason())) }
}
