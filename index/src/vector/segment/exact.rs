//! Building the bottom layer from lists of the nearest rows: each row chooses from its own list, and links back come with the
//! [last choice](super::link::prune).
//!
//! A list says nothing of what lies farther off: where rows lie in clusters it ends within one, and no link would lead to another. So a row chooses
//! among the nearest rows of the sample as well, which a walk through the layer above finds.
//!
//! Lists come from a device that nobody here can look into, so a few of them are compared with what the processor finds.

use rayon::prelude::*;

use super::super::neighbours::{CodedRows, Neighbours, nearest};
use super::beam::{Scratch, Walk};
use super::block::{Block, Probe};
use super::build::BuildOptions;
use super::diversity::Chooser;
use super::graph::{Graph, Layer, Links};
use super::link::begin;
use crate::error::{Error, Result};

/// Rows of the sample that a row may choose.
const OF_SAMPLE: usize = 32;
/// Lists that are compared with what the processor finds: the first of each answer, up to this many.
const CHECKED: usize = 16;
/// How much nearer to a row than the listed ones an unlisted one may be, as a share of the distance or of the highest score: what other arithmetic
/// may make of it.
const TOLERANCE: f32 = 1e-3;
/// The same as a share of what scores are the small differences of.
const TOLERANCE_OF_TERMS: f32 = 1e-6;

/// Links every row into a graph whose upper layers are `layers`, by what `neighbours` finds. `None` when `go_on` said to stop.
///
/// # Errors
/// [`Error::Neighbours`] when it failed, or what it found does not fit.
pub(super) fn link_by(
    neighbours: &dyn Neighbours,
    block: &Block,
    layers: Vec<Layer>,
    options: &BuildOptions,
    go_on: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<Graph>> {
    let count = options.nearest.clamp(1, BuildOptions::MOST_NEAREST).min(block.len().saturating_sub(1));
    let (sample, members) = begin(block.len(), layers, options);
    if count == 0 {
        return Ok(Some(sample));
    }
    let mut bottom = Links::new(block.len(), options.neighbours);
    let highest = block.highest_score();
    let (mut linked, mut checked, mut wanted) = (0, 0, true);
    let mut unfit: Option<String> = None;
    let outcome = neighbours.find(&CodedRows::new(block), count, &mut |lists| {
        let rows = lists.len() / count;
        if unfit.is_some() || !wanted {
            return false;
        }
        if rows * count != lists.len() || linked + rows > block.len() {
            unfit = Some(format!("{} numbers came after the lists of {linked} rows", lists.len()));
        } else if checked < CHECKED && rows > 0 && !is_nearest(block, linked as u32, &lists[..count], highest) {
            unfit = Some(format!("others than the nearest were given for row {linked}"));
        }
        if unfit.is_some() {
            return false;
        }
        checked += 1;
        let chosen = choose(block, &sample, linked as u32, lists, count, highest, options);
        for (kept, row) in chosen.into_iter().zip(linked as u32..) {
            bottom.set(row, kept);
        }
        linked += rows;
        wanted = go_on(members.max(linked));
        wanted
    });
    if wanted && unfit.is_none() && outcome.is_ok() && linked < block.len() {
        unfit = Some(format!("only {linked} of {} rows were given neighbours", block.len()));
    }
    match (outcome, unfit) {
        (Err(source), _) => Err(Error::Neighbours { source }),
        (_, Some(reason)) => Err(Error::Neighbours { source: reason.into() }),
        _ => Ok(wanted.then_some(Graph { bottom, layers: sample.layers })),
    }
}

/// For each row from `first` on the neighbours it takes from its list and from the sample, which is all that `sample` has links of.
fn choose(
    block: &Block,
    sample: &Graph,
    first: u32,
    lists: &[u32],
    count: usize,
    highest: f32,
    options: &BuildOptions,
) -> Vec<Vec<u32>> {
    let walk = Walk::new(block, sample);
    let state =
        || (Scratch::default(), Probe::default(), Chooser::new(block, highest, options.alpha), Vec::new(), Vec::new());
    lists
        .par_chunks(count)
        .enumerate()
        .with_min_len(64)
        .map_init(state, |(scratch, probe, chooser, all, ranked), (at, list)| {
            let row = first + at as u32;
            block.set_probe(probe, row);
            let start = walk.descend(probe, scratch);
            walk.beam(probe, start, OF_SAMPLE, scratch);
            let others = list.iter().copied().chain(scratch.pool.found().map(|(found, _)| found));
            all.clear();
            all.extend(others.filter(|&other| other != row && (other as usize) < block.len()));
            chooser.rank(row, all, ranked);
            let mut kept = Vec::with_capacity(options.neighbours);
            chooser.choose(ranked, options.neighbours, &mut kept);
            kept
        })
        .collect()
}

/// Whether no row is nearer than what is listed in its place.
fn is_nearest(block: &Block, row: u32, list: &[u32], highest: f32) -> bool {
    if list.iter().any(|&other| other == row || other as usize >= block.len()) {
        return false;
    }
    let all: Vec<u32> = (0..block.len() as u32).collect();
    let expected = nearest(block, &[row], &all, list.len());
    let mut chooser = Chooser::new(block, highest, 1.0);
    let (mut listed, mut best) = (Vec::new(), Vec::new());
    chooser.rank(row, list, &mut listed);
    chooser.rank(row, &expected, &mut best);
    let of_terms = TOLERANCE_OF_TERMS * block.offset(row).abs();
    let as_good =
        |listed: f32, best: f32| listed + of_terms + TOLERANCE * highest.abs().max((highest - best).abs()) >= best;
    // One that is listed twice is ranked once.
    listed.len() == best.len() && listed.iter().zip(&best).all(|(listed, best)| as_good(listed.1, best.1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::super::neighbours::{NeighboursError, Processor};
    use super::super::super::{Code, Distance};
    use super::super::build::build;
    use super::*;
    use crate::key::Key;

    /// What is made of the answers of the processor.
    #[derive(Debug, Clone, Copy)]
    enum Mistake {
        Fails,
        EndsEarly,
        GivesHalfAList,
        GivesTooMany,
        GivesOthers,
        GivesOneTwice,
        GivesNobody,
    }

    impl Neighbours for Mistake {
        fn find(
            &self,
            rows: &CodedRows<'_>,
            count: usize,
            found: &mut dyn FnMut(&[u32]) -> bool,
        ) -> std::result::Result<(), NeighboursError> {
            let mut all = Vec::new();
            let take = &mut |lists: &[u32]| {
                all.extend_from_slice(lists);
                true
            };
            Processor.find(rows, count, take)?;
            match self {
                Mistake::Fails => {
                    found(&all[..count]);
                    return Err("there is no more memory".into());
                }
                Mistake::EndsEarly => all.truncate(5 * count),
                Mistake::GivesHalfAList => all.truncate(5 * count - 1),
                Mistake::GivesTooMany => all.extend_from_within(..count),
                Mistake::GivesOthers => all.reverse(),
                Mistake::GivesOneTwice => all[1] = all[0],
                Mistake::GivesNobody => all[count - 1] = u32::MAX,
            }
            found(&all);
            Ok(())
        }
    }

    fn rows(count: u32) -> (Block, Vec<Key>) {
        let mut rows = Block::new(3, Distance::Cosine, 0);
        for row in 0..count {
            let turn = row as f32 * 0.01;
            rows.push(&Code::encode(&[turn.cos(), turn.sin(), (row % 7) as f32 * 0.1]).unwrap());
        }
        (rows, (0..u64::from(count)).map(Key).collect())
    }

    fn built(count: u32, by: &dyn Neighbours, go_on: &(dyn Fn(usize) -> bool + Sync)) -> Result<Option<usize>> {
        let (rows, keys) = rows(count);
        Ok(build(rows, keys, &BuildOptions::default(), Some(by), go_on)?.map(|segment| segment.len()))
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(built(400, &Processor, &|_| true).unwrap(), Some(400));
        for (mistake, said) in [
            (Mistake::Fails, "there is no more memory"),
            (Mistake::EndsEarly, "only 5 of"),
            (Mistake::GivesHalfAList, "numbers came after"),
            (Mistake::GivesTooMany, "numbers came after"),
            (Mistake::GivesOthers, "others than the nearest"),
            (Mistake::GivesOneTwice, "others than the nearest"),
            (Mistake::GivesNobody, "others than the nearest"),
        ] {
            match built(400, &mistake, &|_| true) {
                Err(Error::Neighbours { source }) => {
                    assert!(source.to_string().contains(said), "{mistake:?}: {source}")
                }
                other => panic!("{mistake:?} passed for {other:?}"),
            }
        }
    }

    #[test]
    fn few_rows_and_stopping() {
        for count in 0..5 {
            assert_eq!(built(count, &Processor, &|_| true).unwrap(), Some(count as usize));
        }
        assert_eq!(built(3_000, &Processor, &|linked| linked < 2_000).unwrap(), None);
    }
}
