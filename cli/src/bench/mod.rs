//! What the benchmarks share: the machine they ran on, the memory they took, the shape of their report.

mod latency;
mod machine;
mod matrix;
mod memory;
mod processor;
mod report;
mod shape;
mod vectors;

pub(crate) use latency::Latencies;
pub(crate) use matrix::Vectors;
pub(crate) use memory::peak_bytes;
pub(crate) use processor::{processor_seconds, thread_seconds};
pub(crate) use report::Report;
pub(crate) use shape::Shape;
pub(crate) use vectors::Generator;
