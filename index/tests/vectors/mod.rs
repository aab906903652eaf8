//! Vectors from a seed: for the tests and the benchmarks of this crate, and for the library's tests of vectors that were brought from outside.

/// The vector of a number, its values even over -1..1.
pub(crate) fn vector(dimension: usize, number: u64) -> Vec<f32> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..dimension)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
