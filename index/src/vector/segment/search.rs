//! From a query to keys: plan, walk or scan, look again at the best by all bits there are, and name them.

use std::sync::PoisonError;

use super::super::query::Query;
use super::Segment;
use super::beam::{Scratch, Walk};
use super::fine::FineQuery;
use super::plan::{Allowed, Plan, SearchOptions, Task};
use super::pool::Pool;
use super::scan::scan;
use crate::scored::{Scored, TopK};

/// How many of the best by eight bits are looked at again to have the best `limit`. Near a query their order is wrong by a few places only; where a
/// filter leaves what is far off, scores lie so close together that it is wrong by dozens.
pub(crate) fn looked_at_again(limit: usize) -> usize {
    if limit == 0 { 0 } else { limit.saturating_add(limit / 4).saturating_add(64) }
}

impl Segment {
    /// The same for a search, whose order is far less sure where it compared by signs, or by the beginning of the vectors only.
    fn again(&self, limit: usize, options: &SearchOptions) -> usize {
        let times =
            if options.dimensions.is_some() && !self.has_signs() { 4 } else { 1 + usize::from(self.has_signs()) };
        times * looked_at_again(limit)
    }

    fn is_coarse(&self, options: &SearchOptions) -> bool {
        self.has_signs() || options.dimensions.is_some()
    }
}

impl Segment {
    /// The best `limit` vectors, best first, equal scores by key, and how they were looked for. `allowed` comes from [`Segment::allowed`].
    pub(crate) fn search(
        &self,
        query: &Query,
        limit: usize,
        allowed: Option<&Allowed>,
        options: &SearchOptions,
    ) -> (Vec<Scored>, Plan) {
        let width = options.width.max(if self.is_coarse(options) { self.again(limit, options) } else { limit });
        let nodes = self.block.len();
        let permitted = allowed.map(|allowed| allowed.nodes().count());
        let task = Task { nodes, dead: self.dead.count(), allowed: permitted, width, limit };
        let mut plan = task.plan();
        if limit == 0 || nodes == 0 {
            return (Vec::new(), plan);
        }
        let mut scratch = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let mut pool = Pool::default();
        // There may be fewer, if some of them are deleted: then all are compared with, in the end.
        let enough = task.enough().min(permitted.unwrap_or(nodes)).min(self.live());
        let best = loop {
            let (best, sight) = self.attempt(query, limit, allowed, options, plan, &mut scratch, &mut pool);
            plan = match plan {
                Plan::OverFetch { width } if sight.found < enough => task.wider(width, sight.found),
                Plan::Filtered { .. } if sight.astray || sight.found < enough => {
                    Plan::Exact { rows: permitted.unwrap_or(nodes) }
                }
                _ => break best,
            };
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        (best, plan)
    }

    /// What one way finds, and what it came upon.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a search was asked for, how it goes about it, and the memory it uses"
    )]
    fn attempt(
        &self,
        query: &Query,
        limit: usize,
        allowed: Option<&Allowed>,
        options: &SearchOptions,
        plan: Plan,
        scratch: &mut Scratch,
        found: &mut Pool,
    ) -> (Vec<Scored>, Sight) {
        let probe = self.block.probe_query(query, options.dimensions);
        let walk = Walk::new(&self.block, &self.graph);
        let nodes = self.block.len();
        let again = self.again(limit, options);
        let width = again.min(nodes);
        let alive = |&node: &u32| self.dead.count() == 0 || self.positions_of(node).any(|p| !self.dead.is_dead(p));
        let mut astray = false;
        let found = match (plan, allowed) {
            (Plan::Exact { .. }, Some(allowed)) => {
                // Deleted ones take places too.
                scan(&self.block, self.kernel, &probe, allowed.nodes().iter().filter(alive), width, found);
                &*found
            }
            (Plan::Exact { .. }, None) => {
                scan(&self.block, self.kernel, &probe, (0..nodes as u32).filter(alive), width, found);
                &*found
            }
            (Plan::Filtered { width }, Some(allowed)) => {
                let guide = self.block.guide(query, options.dimensions);
                let start = walk.descend(&guide, scratch);
                astray = walk.filtered(&guide, start, width, allowed.nodes(), scratch, found);
                &*found
            }
            (Plan::Walk { width } | Plan::OverFetch { width } | Plan::Filtered { width }, _) => {
                let guide = self.block.guide(query, options.dimensions);
                let start = walk.descend(&guide, scratch);
                walk.beam(&guide, start, width, scratch);
                &scratch.pool
            }
        };
        let (best, found) = self.name(query, limit, again, allowed, found);
        (best, Sight { found, astray })
    }

    /// The best `limit` keys among the nodes of a pool, by all bits there are, and how many nodes of the pool may be found.
    fn name(
        &self,
        query: &Query,
        limit: usize,
        again: usize,
        allowed: Option<&Allowed>,
        pool: &Pool,
    ) -> (Vec<Scored>, usize) {
        let fine = FineQuery::new(query, self.block.distance());
        let may_be_dead = self.dead.count() > 0;
        let finds = |position: u32| {
            allowed.is_none_or(|allowed| allowed.positions().contains(position))
                && !(may_be_dead && self.dead.is_dead(position))
        };
        let mut found = pool.found().map(|(node, _)| node).filter(|&node| self.positions_of(node).any(finds));
        let nodes: Vec<u32> = found.by_ref().take(again).inspect(|&node| self.block.prefetch_fine(node)).collect();
        let mut best = TopK::new(limit);
        for &node in &nodes {
            let score = self.block.fine_score(self.kernel, &fine, node);
            for position in self.positions_of(node).filter(|&position| finds(position)) {
                best.push(Scored::new(self.keys[position as usize], score));
            }
        }
        (best.into_sorted(), nodes.len() + found.count())
    }
}

/// What a walk came upon.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// Nodes it kept that may be found.
    found: usize,
    /// Whether it looks as if what is allowed lay elsewhere.
    astray: bool,
}
