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
/// From this share of allowed nodes on, keeping more costs less than stepping over the others.
const OVER_FETCH_SHARE: f64 = 0.65;
/// Below this share the steps do not hold together.
const FILTERED_SHARE: f64 = 0.02;

/// Chooses among the ways. `allowed` are the nodes the filter allows, of `nodes`; `None` without a filter. `dead` of them are deleted.
pub(super) fn plan(nodes: usize, dead: usize, allowed: Option<usize>, width: usize) -> Plan {
    let live_share = (nodes.saturating_sub(dead)) as f64 / nodes.max(1) as f64;
    let walk = |width: usize| (width * ROWS_PER_KEPT + ROWS_OF_DESCENT) * WALKED_ROW;
    let over = |share: f64| ((width as f64 / share.max(1e-3)).ceil() as usize).clamp(width, nodes.max(width));
    let Some(allowed) = allowed else {
        return match dead {
            _ if nodes <= walk(width) => Plan::Exact { rows: nodes },
            0 => Plan::Walk { width },
            _ => Plan::OverFetch { width: over(live_share) },
        };
    };
    let share = allowed as f64 / nodes.max(1) as f64 * live_share;
    let over_fetch = over(share);
    // Stepping over the others looks at their links too.
    let filtered = 2 * walk(width);
    if allowed <= filtered.min(walk(over_fetch)) || share < FILTERED_SHARE {
        Plan::Exact { rows: allowed }
    } else if share >= OVER_FETCH_SHARE {
        Plan::OverFetch { width: over_fetch }
    } else {
        Plan::Filtered { width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_allowed_means_another_way() {
        let way = |allowed| plan(1_000_000, 0, allowed, 64);
        assert_eq!(way(None), Plan::Walk { width: 64 });
        assert_eq!(way(Some(800_000)), Plan::OverFetch { width: 80 });
        assert!(matches!(way(Some(100_000)), Plan::Filtered { .. }));
        assert_eq!(way(Some(900)), Plan::Exact { rows: 900 });
        assert_eq!(plan(500, 0, None, 64), Plan::Exact { rows: 500 });
        assert_eq!(plan(1_000_000, 200_000, None, 64), Plan::OverFetch { width: 80 });
    }
}
