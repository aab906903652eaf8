//! Which neighbours a node keeps: the near ones that do not lie behind a nearer one already kept. So links point in different directions, and
//! a walk needs fewer of them.

use super::super::kernel::Kernel;
use super::block::{Block, Probe};

/// Compared at a time before looking whether one of them is near enough.
const GROUP: usize = 8;

/// Chooses neighbours; holds the memory that takes.
#[derive(Debug)]
pub(super) struct Chooser<'a> {
    block: &'a Block,
    kernel: Kernel,
    /// See [`Block::highest_score`].
    highest: f32,
    /// How much nearer to a kept neighbour than to the node a candidate must be to be passed over: 1 is plain, more keeps more.
    alpha: f32,
    probe: Probe,
    dots: Vec<i32>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(block: &'a Block, highest: f32, alpha: f32) -> Chooser<'a> {
        Chooser { block, kernel: Kernel::best(), highest, alpha, probe: Probe::default(), dots: Vec::new() }
    }

    /// The neighbours, at most `limit`, of a node among `candidates`: best first, with their scores, without the node itself.
    pub(super) fn choose(&mut self, candidates: &[(u32, f32)], limit: usize, kept: &mut Vec<u32>) {
        kept.clear();
        for &(candidate, score) in candidates {
            if kept.len() == limit {
                return;
            }
            self.block.set_probe(&mut self.probe, candidate);
            // Nearer to one that is kept than this: there is no need for a link of its own.
            let threshold = self.highest - (self.highest - score) / self.alpha;
            let behind = kept.chunks(GROUP).any(|kept| {
                let mut behind = false;
                let found = |_, between: f32| behind |= between >= threshold;
                self.block.scores(self.kernel, &self.probe, kept, &mut self.dots, found);
                behind
            });
            if !behind {
                kept.push(candidate);
            }
        }
    }

    /// The candidates' scores with a node, best first: what [`Chooser::choose`] wants of neighbours that are known by name only.
    pub(super) fn rank(&mut self, node: u32, neighbours: &[u32], ranked: &mut Vec<(u32, f32)>) {
        ranked.clear();
        self.block.set_probe(&mut self.probe, node);
        self.block.scores(self.kernel, &self.probe, neighbours, &mut self.dots, |row, score| ranked.push((row, score)));
        ranked.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        ranked.dedup_by_key(|(row, _)| *row);
    }
}
