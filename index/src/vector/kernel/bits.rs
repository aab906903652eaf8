//! Counting the bits in which rows of signs differ.

/// The reference: for each of `places` in how many bits the row there, as long as `query`, differs from it.
#[inline(always)]
pub(super) fn differing_bits(query: &[u64], rows: &[u64], places: &[u32], out: &mut [i32]) {
    for (&place, out) in places.iter().zip(out) {
        let from = place as usize * query.len();
        let row = rows.get(from..from + query.len()).unwrap_or_default();
        *out = query.iter().zip(row).map(|(query, row)| (query ^ row).count_ones() as i32).sum();
    }
}

/// The same, compiled to the instruction that counts a word's bits, which x86-64 need not have.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
pub(super) fn differing_bits_popcnt(query: &[u64], rows: &[u64], places: &[u32], out: &mut [i32]) {
    differing_bits(query, rows, places, out);
}
