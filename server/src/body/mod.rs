//! Bodies, in and out: JSON with limits on size and time, and lines of a stream.

pub(crate) mod file;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod query;
pub(crate) mod read;
