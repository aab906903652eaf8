//! All rows compared with all on the processor: tile by tile, so that what is compared lies in the cache.

use rayon::prelude::*;

use super::super::kernel::Kernel;
use super::super::segment::{Block, Probe};
use super::{CodedRows, Neighbours, NeighboursError};
use crate::scored::{Scored, TopK};

/// Rows that are compared with a tile before it leaves the cache.
const TOGETHER: usize = 32;
/// Rows of a tile: at 384 dimensions, 192 KB.
const TILE: usize = 512;
/// Rows answered at a time: progress is told and cancelling noticed between two answers.
const AT_ONCE: usize = 2_048;

/// Finds neighbours on all of rayon's threads. The time it takes grows with the square of the rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processor;

impl Neighbours for Processor {
    fn find(
        &self,
        rows: &CodedRows<'_>,
        count: usize,
        found: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<(), NeighboursError> {
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        for some in all.chunks(AT_ONCE) {
            let lists = some.par_chunks(TOGETHER).flat_map_iter(|queries| nearest(rows.block, queries, &all, count));
            if !found(&lists.collect::<Vec<u32>>()) {
                break;
            }
        }
        Ok(())
    }
}

/// The `count` nearest of `all` for each of `queries`, one list after the other.
pub(crate) fn nearest(block: &Block, queries: &[u32], all: &[u32], count: usize) -> Vec<u32> {
    let kernel = Kernel::best();
    let list = |&query: &u32| (query, block.probe_of(query), TopK::new(count));
    let mut lists: Vec<(u32, Probe, TopK<u32>)> = queries.iter().map(list).collect();
    let mut dots = Vec::new();
    for tile in all.chunks(TILE) {
        for (query, probe, best) in &mut lists {
            block.scores(kernel, probe, tile, &mut dots, |row, score| {
                if row != *query {
                    best.push(Scored::new(row, score));
                }
            });
        }
    }
    lists.into_iter().flat_map(|(.., best)| best.into_sorted()).map(|best| best.key).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::super::{Code, Distance};
    use super::*;
    use crate::scored::top_k;

    /// Rows of few different values, so that many scores are equal.
    fn rows(distance: Distance, count: u32) -> Block {
        let mut rows = Block::new(5, distance, 0);
        for row in 0..count {
            let vector: Vec<f32> = (0..5).map(|i| ((row >> i) % 3) as f32 - 0.5 * (row % 2) as f32).collect();
            rows.push(&Code::encode(&vector).unwrap());
        }
        rows.prepare_building();
        rows
    }

    /// The score as [`CodedRows`] says that it is made.
    fn score(rows: &CodedRows<'_>, left: usize, right: usize) -> f32 {
        let codes = |row: usize| rows.codes(row..row + 1);
        let dot: i32 = codes(left).iter().zip(codes(right)).map(|(&l, &r)| i32::from(l) * i32::from(r)).sum();
        let (l, r) = (rows.terms(left..left + 1).next().unwrap(), rows.terms(right..right + 1).next().unwrap());
        rows.scale() * l.factor * (r.factor * dot as f32) + l.offset + r.offset + l.lift * r.lift
    }

    #[test]
    fn the_lists_are_those_of_sorting() {
        for distance in Distance::ALL {
            for (length, count) in [(2, 1), (40, 39), (700, 12), (2_200, 3)] {
                let block = rows(distance, length);
                let rows = CodedRows::new(&block);
                let mut found = Vec::new();
                let take = &mut |lists: &[u32]| {
                    found.extend_from_slice(lists);
                    true
                };
                Processor.find(&rows, count, take).unwrap();
                assert_eq!(found.len(), count * length as usize);
                for (row, list) in (0..length).zip(found.chunks(count)).step_by(7) {
                    let others = (0..length).filter(|&other| other != row);
                    let scored = others.map(|other| Scored::new(other, score(&rows, row as usize, other as usize)));
                    let expected: Vec<u32> = top_k(scored, count).into_iter().map(|best| best.key).collect();
                    assert_eq!(list, expected, "{distance}: row {row} of {length}");
                }
            }
        }
    }

    #[test]
    fn it_ends_when_no_more_is_wanted() {
        let block = rows(Distance::Cosine, 5_000);
        let mut times = 0;
        let mut once = |lists: &[u32]| {
            times += 1;
            lists.len() != AT_ONCE * 2
        };
        Processor.find(&CodedRows::new(&block), 2, &mut once).unwrap();
        assert_eq!(times, 1);
    }

    #[test]
    fn rows_that_are_not_there_are_left_out() {
        let block = rows(Distance::Cosine, 10);
        let rows = CodedRows::new(&block);
        assert_eq!(rows.codes(8..20).len(), 2 * rows.width());
        assert_eq!(rows.terms(12..20).count(), 0);
    }
}
