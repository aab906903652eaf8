//! From the windows of a step to the rows of its batches: one window each, or several after each other.

use super::sampler::{SHORTEST, Window};
use super::step::Specials;
use crate::recipe::Packing;

/// Windows that follow each other in one row, each between special tokens of its own.
pub type Row = Vec<Window>;

/// Tokens of a row, special ones included.
#[must_use]
pub fn row_tokens(row: &[Window]) -> usize {
    row.iter().map(|window| window.length as usize + Specials::AROUND).sum()
}

/// Puts windows into rows of at most `length` tokens. Only naive packing puts more than one into a row: as many as fit, in their order,
/// and of the one that does not fit as much as does, where both pieces are still worth reading.
#[must_use]
pub fn rows(windows: Vec<Window>, packing: Packing, length: usize) -> Vec<Row> {
    if packing != Packing::Naive {
        return windows.into_iter().map(|window| vec![window]).collect();
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut room = 0_usize;
    for mut window in windows {
        let piece = room.saturating_sub(Specials::AROUND);
        let fits = window.length as usize <= piece;
        if !fits && piece >= SHORTEST && window.length as usize - piece >= SHORTEST {
            let first = Window { length: piece as u32, ..window };
            rows.last_mut().into_iter().for_each(|row| row.push(first));
            window = Window { start: window.start + first.length, length: window.length - first.length, ..window };
            room = 0;
        }
        match rows.last_mut() {
            Some(row) if fits => row.push(window),
            _ => {
                rows.push(vec![window]);
                room = length;
            }
        }
        room = room.saturating_sub(window.length as usize + Specials::AROUND);
    }
    rows
}

/// The rows that fall to `rank` of `world`: every rank gets as many long ones as the others.
#[must_use]
pub fn share(mut rows: Vec<Row>, rank: usize, world: usize) -> Vec<Row> {
    sort(&mut rows);
    rows.into_iter().skip(rank).step_by(world.max(1)).collect()
}

/// Puts rows of like length together, in batches of at most `budget` tokens: with the padding up to the longest, or without where rows
/// lie `flat`.
#[must_use]
pub fn batches(mut rows: Vec<Row>, budget: usize, flat: bool) -> Vec<Vec<Row>> {
    sort(&mut rows);
    let mut batches: Vec<Vec<Row>> = Vec::new();
    let (mut width, mut tokens) = (0, 0);
    for row in rows {
        let own = row_tokens(&row);
        let filled = |batch: &Vec<Row>| if flat { tokens + own } else { (batch.len() + 1) * width };
        match batches.last_mut() {
            Some(batch) if filled(batch) <= budget => {
                tokens += own;
                batch.push(row);
            }
            _ => {
                width = own.next_multiple_of(8);
                tokens = own;
                batches.push(vec![row]);
            }
        }
    }
    batches
}

/// Longest first; the rest of the key makes the order the same however the rows came.
fn sort(rows: &mut [Row]) {
    rows.sort_by_cached_key(|row| {
        let first = row.first().map(|window| (window.corpus, window.document, window.start));
        std::cmp::Reverse((row_tokens(row), first))
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    fn windows(lengths: &[u32]) -> Vec<Window> {
        let window = |(at, &length): (usize, &u32)| Window { corpus: 0, document: at as u32, start: 5, length };
        lengths.iter().enumerate().map(window).collect()
    }

    #[test]
    fn batches_stay_within_the_budget() {
        let rows = rows(windows(&[20, 30, 62, 61, 62, 50, 17, 44, 62, 30, 29]), Packing::None, 64);
        for flat in [false, true] {
            let batches = batches(rows.clone(), 300, flat);
            assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), rows.len());
            for batch in batches {
                let width = batch.iter().map(|row| row_tokens(row)).max().unwrap_or(0).next_multiple_of(8);
                let tokens = if flat { batch.iter().map(|row| row_tokens(row)).sum() } else { batch.len() * width };
                assert!(batch.len() == 1 || tokens <= 300);
            }
        }
    }

    #[test]
    fn ranks_share_every_row_once_and_evenly() {
        let whole = rows(windows(&[20, 30, 62, 61, 62, 50, 17, 44, 62, 30]), Packing::None, 64);
        let parts: Vec<Vec<Row>> = (0..3).map(|rank| share(whole.clone(), rank, 3)).collect();
        let mut together = parts.concat();
        sort(&mut together);
        let mut whole = whole;
        sort(&mut whole);
        assert_eq!(together, whole);
        let tokens: Vec<usize> = parts.iter().map(|part| part.iter().map(|row| row_tokens(row)).sum()).collect();
        assert!(tokens.iter().all(|&tokens| tokens.abs_diff(tokens_mean(&whole, 3)) < 64), "{tokens:?}");
    }

    fn tokens_mean(rows: &[Row], world: usize) -> usize {
        rows.iter().map(|row| row_tokens(row)).sum::<usize>() / world
    }

    #[test]
    fn naive_rows_are_full_and_lose_nothing() {
        let windows = windows(&[20, 30, 62, 61, 62, 50, 17, 44, 62, 30, 29, 16]);
        let packed = rows(windows.clone(), Packing::Naive, 64);
        assert!(packed.iter().all(|row| row_tokens(row) <= 64 && !row.is_empty()));
        let tokens = |windows: &[Window]| windows.iter().map(|window| window.length).sum::<u32>();
        assert_eq!(packed.iter().map(|row| tokens(row)).sum::<u32>(), tokens(&windows));
        assert!(packed.iter().any(|row| row.len() > 1) && packed.len() < windows.len());
        assert!(packed.iter().flatten().all(|window| window.length >= 16));
        assert!(rows(windows, Packing::Separate, 64).iter().all(|row| row.len() == 1));
    }
}
