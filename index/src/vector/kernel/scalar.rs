//! The reference: what every other path must compute, and what runs where none of them can.

/// The dot product of `query` with each row of `rows`, `query.len()` codes a row.
pub(super) fn dot_i8_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = dot_i8(query, row);
    }
}

/// The dot product of `query` with the beginnings of the rows at `places` of a block, `stride` codes from row to row.
pub(super) fn dot_i8_some(query: &[i8], rows: &[i8], stride: usize, places: &[u32], out: &mut [i32]) {
    for (&place, out) in places.iter().zip(out) {
        *out = row_at(rows, stride, query.len(), place).map_or(0, |row| dot_i8(query, row));
    }
}

/// The first `length` codes of the row at `place`.
#[inline]
pub(super) fn row_at(rows: &[i8], stride: usize, length: usize, place: u32) -> Option<&[i8]> {
    let from = place as usize * stride;
    rows.get(from..from + length)
}

/// `group` as four rows of `dimension` codes.
pub(super) fn four_rows(group: &[i8], dimension: usize) -> [&[i8]; 4] {
    let (first, second) = group.split_at(2 * dimension);
    let ((a, b), (c, d)) = (first.split_at(dimension), second.split_at(dimension));
    [a, b, c, d]
}

/// The length that the query and all of `rows` have.
pub(super) fn common_length(query: &[i8], rows: &[&[i8]]) -> usize {
    rows.iter().fold(query.len(), |length, row| length.min(row.len()))
}

/// The dot product of two code slices; also the tail of the wider paths. 4096 products of at most 2^14 fit an `i32` with room to spare.
pub(super) fn dot_i8(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(&l, &r)| i32::from(l) * i32::from(r)).sum()
}

/// The dot product in eight running sums, which the compiler may keep in vector registers: a single running sum it must not reorder.
pub(super) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_tail) = left.as_chunks::<8>();
    let (right, right_tail) = right.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (left, right) in left.iter().zip(right) {
        for ((sum, l), r) in sums.iter_mut().zip(left).zip(right) {
            *sum += l * r;
        }
    }
    sums.iter().sum::<f32>() + dot_tail_f32(left_tail, right_tail)
}

/// The last few products, one by one.
pub(super) fn dot_tail_f32(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}
