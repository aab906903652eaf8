//! The figures of a run as it goes: `metrics.jsonl`, one row a line, and the curves drawn from it.

mod axis;
mod panel;
mod plot;
mod row;
mod svg;
mod writer;

pub use plot::{PLOT, draw, plot};
pub use row::{Heldout, Row, Train, read};
pub use writer::{METRICS, MetricsWriter};
