//! The exact scan over chosen rows of a segment, for filters that leave few.

use super::super::kernel::Kernel;
use super::block::{Block, Probe};
use super::pool::Pool;

/// Rows compared with at once, and asked for one such group ahead.
const GROUP: usize = 16;

/// Fills `found` with the best `width` of `rows`.
pub(super) fn scan(
    block: &Block,
    kernel: Kernel,
    probe: &Probe,
    rows: impl Iterator<Item = u32>,
    width: usize,
    found: &mut Pool,
) {
    found.reset(width);
    let mut dots = Vec::with_capacity(GROUP);
    let (mut now, mut ahead) = (Vec::with_capacity(GROUP), Vec::with_capacity(GROUP));
    let mut rows = rows.inspect(|&row| block.prefetch(probe, row));
    loop {
        ahead.clear();
        ahead.extend(rows.by_ref().take(GROUP));
        block.scores(kernel, probe, &now, &mut dots, |row, score| found.insert(row, score));
        if ahead.is_empty() {
            return;
        }
        std::mem::swap(&mut now, &mut ahead);
    }
}
