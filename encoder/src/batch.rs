//! Which sequences go through the model together.
//!
//! Sorted by length and filled by tokens, never by rows: where sequences are padded, a batch costs its longest sequence times its
//! rows, so that one long document among short ones must go nearly alone; where they are packed, it costs their sum, and any may
//! share it.

use crate::backend::Layout;

/// A sequence joins a batch only where this share of the batch's width, at least, is its own tokens.
const LEAST_FILL: f64 = 0.75;
/// Below this width padding is cheaper than another batch.
const NARROW: usize = 32;

/// Groups sequences of `lengths` tokens into batches of at most `budget` tokens, padding included; a sequence over the budget
/// goes alone. Gives the positions of the sequences, longest first. Empty sequences are left out.
pub(crate) fn plan(lengths: &[usize], budget: usize, layout: Layout) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    let length = |i: usize| lengths.get(i).copied().unwrap_or(0);
    order.retain(|&i| length(i) > 0);
    order.sort_by_key(|&i| std::cmp::Reverse(length(i)));

    let mut batches: Vec<Vec<usize>> = Vec::new();
    let (mut width, mut sum) = (0, 0);
    for i in order {
        sum += length(i);
        let joins = |batch: &Vec<usize>| match layout {
            Layout::Packed => sum <= budget,
            Layout::Padded => {
                let filled = width <= NARROW || length(i) as f64 >= LEAST_FILL * width as f64;
                filled && (batch.len() + 1) * width <= budget
            }
        };
        match batches.last_mut() {
            Some(batch) if joins(batch) => batch.push(i),
            _ => {
                (width, sum) = (length(i), length(i));
                batches.push(vec![i]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_sequence_goes_alone_among_short_ones() {
        assert_eq!(plan(&[10, 4096, 12, 11], 8192, Layout::Padded), vec![vec![1], vec![2, 3, 0]]);
    }

    #[test]
    fn packed_sequences_share_what_room_there_is() {
        assert_eq!(plan(&[10, 4096, 12, 11], 8192, Layout::Packed), vec![vec![1, 2, 3, 0]]);
        assert_eq!(plan(&[10, 4096, 12, 11], 25, Layout::Packed), vec![vec![1], vec![2, 3], vec![0]]);
    }

    proptest! {
        #[test]
        fn every_sequence_is_in_one_batch_within_the_budget(
            lengths in prop::collection::vec(0..400_usize, 0..60), budget in 1..2000_usize,
        ) {
            for layout in [Layout::Padded, Layout::Packed] {
                let batches = plan(&lengths, budget, layout);
                let mut seen: Vec<usize> = batches.concat();
                seen.sort_unstable();
                let expected: Vec<usize> = (0..lengths.len()).filter(|&i| lengths[i] > 0).collect();
                prop_assert_eq!(seen, expected);
                for batch in batches {
                    let width = batch.iter().map(|&i| lengths[i]).max().unwrap();
                    let (cost, filled) = match layout {
                        Layout::Packed => (batch.iter().map(|&i| lengths[i]).sum(), true),
                        Layout::Padded =>
                            (batch.len() * width, batch.iter().all(|&i| width <= NARROW || 4 * lengths[i] >= 3 * width)),
                    };
                    prop_assert!(filled && (batch.len() == 1 || cost <= budget));
                }
            }
        }
    }
}
