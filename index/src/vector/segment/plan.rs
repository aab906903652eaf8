//! How a search goes about it: by what it may find, and what each way would cost.

use std::fmt;

use super::bits::Bits;

/// How widely a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchOptions {
    /// How many of the best nodes a walk keeps: more finds more of the true neighbours and takes longer. At least the limit is kept.
    /// Default 64.
    pub width: usize,
    /// Compare by this many first values only and look again at more of the best by all: faster for models trained so that the beginning of a
    /// vector is a vector (Matryoshka representations). Default: by all.
    pub dimensions: Option<usize>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { width: 64, dimensions: None }
    }
}

impl SearchOptions {
    /// With another width.
    #[must_use]
    pub fn width(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// With comparisons by this many first values.
    #[must_use]
    pub fn with_dimensions(self, dimensions: usize) -> Self {
        Self { dimensions: Some(dimensions), ..self }
    }
}

/// What a filter allows in one segment: of use with that segment only.
#[derive(Debug, Clone)]
pub struct Allowed {
    positions: Bits,
    /// The nodes of these positions; `None` where each position is a node.
    nodes: Option<Bits>,
}

impl Allowed {
    pub(super) fn new(positions: Bits, nodes: Option<Bits>) -> Allowed {
        Allowed { positions, nodes }
    }

    pub(super) fn positions(&self) -> &Bits {
        &self.positions
    }

    pub(super) fn nodes(&self) -> &Bits {
        self.nodes.as_ref().unwrap_or(&self.positions)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.positions.bytes() + self.nodes.as_ref().map_or(0, Bits::bytes)
    }
}

/// How a segment was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// By a walk over the graph.
    Walk {
        /// How many nodes it keeps.
        width: usize,
    },
    /// By a walk that keeps more than was asked for, since some of it will not be allowed, or is deleted.
    OverFetch {
        /// How many nodes it keeps.
        width: usize,
    },
    /// By a walk among the allowed that steps over the others.
    Filtered {
        /// How many nodes it keeps.
        width: usize,
    },
    /// By comparing with every allowed row.
    Exact {
        /// How many those are.
        rows: usize,
    },
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Walk { width } => write!(f, "walk ({width} kept)"),
            Plan::OverFetch { width } => write!(f, "over-fetch ({width} kept)"),
            Plan::Filtered { width } => write!(f, "filtered walk ({width} kept)"),
            Plan::Exact { rows } => write!(f, "exact scan ({rows} rows)"),
        }
    }
}

/// A walk compares with about this many rows for each node it keeps.
const ROWS_PER_KEPT: usize = 10;
/// And with this many on its way there.
const ROWS_OF_DESCENT: usize = 150;
/// A row come upon in a walk costs as much as this many in a scan, which knows long before where it will read.
const WALKED_ROW: usize = 2;
/// Stepping over what is not allowed looks at the links of that too: it costs as much as this many plain walks.
const STEPPING_OVER: usize = 3;
/// Below this share of allowed nodes the steps do not hold together.
const FILTERED_SHARE: f64 = 0.02;

/// What a search may find in a segment, and how much of it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    /// Nodes of the segment.
    pub(super) nodes: usize,
    /// How many of its vectors are deleted.
    pub(super) dead: usize,
    /// How many nodes the filter allows; `None` without a filter.
    pub(super) allowed: Option<usize>,
    /// How many nodes a walk keeps where nothing is in its way.
    pub(super) width: usize,
    /// How many of the best are wanted.
    pub(super) limit: usize,
}

impl Task {
    /// Chooses the way that costs least.
    pub(super) fn plan(&self) -> Plan {
        let Self { nodes, dead, allowed, width, .. } = *self;
        let live_share = nodes.saturating_sub(dead) as f64 / nodes.max(1) as f64;
        let Some(allowed) = allowed else {
            return match dead {
                _ if nodes <= cost(width) => Plan::Exact { rows: nodes },
                0 => Plan::Walk { width },
                _ => Plan::OverFetch { width: self.over_fetch(live_share) },
            };
        };
        let share = allowed as f64 / nodes.max(1) as f64 * live_share;
        let over_fetch = self.over_fetch(share);
        let filtered = width.max(self.enough());
        let by_filtered = STEPPING_OVER * cost(filtered);
        let by_over_fetch = cost(over_fetch);
        if allowed <= by_filtered.min(by_over_fetch) || share < FILTERED_SHARE {
            Plan::Exact { rows: allowed }
        } else if by_over_fetch <= by_filtered {
            Plan::OverFetch { width: over_fetch }
        } else {
            Plan::Filtered { width: filtered }
        }
    }

    /// The way to go on when a walk that kept `width` nodes came upon `found` that may be found and those are not [enough](Task::enough): what is
    /// allowed lies elsewhere than the query. A wider walk if, by what was seen, it costs less than comparing with everything allowed.
    pub(super) fn wider(&self, width: usize, found: usize) -> Plan {
        let all = self.allowed.unwrap_or(self.nodes);
        let share = (found as f64).max(0.5) / width.max(1) as f64;
        let wider = ((2.0 * self.enough() as f64 / share).ceil() as usize).max(2 * width);
        if cost(wider) < all { Plan::OverFetch { width: wider } } else { Plan::Exact { rows: all } }
    }

    /// How many a walk has to come upon that may be found, so that the best `limit` are very likely among them: what a walk keeps is nearly all there
    /// is near the query, but for the last of it.
    pub(super) fn enough(&self) -> usize {
        self.limit.saturating_add(self.limit.min(64))
    }

    /// How many nodes a walk has to keep if this share of them may be found. Twice as many find more than as many again would of half: a wide walk
    /// is the more thorough.
    fn over_fetch(&self, share: f64) -> usize {
        let share = share.max(1e-3);
        let thorough = self.width as f64 / share.sqrt();
        let enough = 1.25 * self.enough() as f64 / share;
        (thorough.max(enough).ceil() as usize).clamp(self.width, self.nodes.max(self.width))
    }
}

/// What a walk that keeps so many nodes costs, in rows of a scan.
fn cost(width: usize) -> usize {
    (width * ROWS_PER_KEPT + ROWS_OF_DESCENT) * WALKED_ROW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(nodes: usize, allowed: Option<usize>) -> Task {
        Task { nodes, dead: 0, allowed, width: 64, limit: 10 }
    }

    #[test]
    fn fewer_allowed_means_another_way() {
        let way = |allowed| task(1_000_000, allowed).plan();
        assert_eq!(way(None), Plan::Walk { width: 64 });
        assert_eq!(way(Some(500_000)), Plan::OverFetch { width: 91 });
        assert_eq!(way(Some(200_000)), Plan::OverFetch { width: 144 });
        assert_eq!(way(Some(100_000)), Plan::Filtered { width: 64 });
        assert_eq!(way(Some(900)), Plan::Exact { rows: 900 });
        assert_eq!(task(500, None).plan(), Plan::Exact { rows: 500 });
        assert_eq!(Task { dead: 200_000, ..task(1_000_000, None) }.plan(), Plan::OverFetch { width: 72 });
    }

    #[test]
    fn a_long_list_needs_a_wide_walk() {
        let task = Task { width: 512, limit: 512, ..task(1_000_000, Some(500_000)) };
        assert_eq!(task.plan(), Plan::OverFetch { width: 1_440 });
    }

    #[test]
    fn where_too_little_was_found_the_walk_is_wider_or_everything_is_compared_with() {
        let task = task(1_000_000, Some(900_000));
        assert_eq!(task.wider(64, 8), Plan::OverFetch { width: 320 });
        assert_eq!(task.wider(64, 19), Plan::OverFetch { width: 135 });
        assert_eq!(task.wider(50_000, 0), Plan::Exact { rows: 900_000 });
        assert_eq!(Task { allowed: Some(2_000), ..task }.wider(64, 0), Plan::Exact { rows: 2_000 });
    }
}
