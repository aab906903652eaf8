//! The operations on the CPU, in f32, in parallel over rows.
