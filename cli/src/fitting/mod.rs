//! Fitting the constants of the fusion: both legs of every query run once, and the constants are searched for over what they found.

mod judged;
mod search;

pub(crate) use judged::{Asked, Collection, Part, Way};
pub(crate) use search::fit;
