//! What the rows of a segment are linked by: walks over what is there already, or lists of the nearest of all where a GPU finds those faster.

use std::sync::Arc;

use neodex_index::vector::{BuildOptions, Neighbours, Sealing, Segment, VectorSet};

use crate::embedding::Embedder;

/// How segments are built.
pub(crate) struct Linking {
    pub(crate) options: BuildOptions,
    /// What finds neighbours, where somebody said so.
    pub(crate) given: Option<Arc<dyn Neighbours>>,
    /// Whom to ask else.
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
}

/// A segment, and what a person should hear of how it was built.
pub(crate) struct Built {
    /// As [`Sealing::build`] gives it.
    pub(crate) segment: neodex_index::Result<Option<Segment>>,
    /// Why it was linked in the ordinary way although it was to be otherwise.
    pub(crate) notice: Option<String>,
}

impl Linking {
    /// Builds the segment on the calling thread's pool.
    pub(crate) fn build(&self, sealing: &Sealing, set: &VectorSet, progress: impl Fn(usize) -> bool + Sync) -> Built {
        let (dimension, distance) = (set.dimension(), set.distance());
        let mut notice = None;
        // An embedder is asked each time: it may open its device only when it is first needed.
        let neighbours = self.given.clone().or_else(|| self.embedder.as_ref()?.neighbours());
        if let Some(neighbours) = neighbours {
            match sealing.build_by(&*neighbours, dimension, distance, &self.options, &progress) {
                Err(error @ neodex_index::Error::Neighbours { .. }) => notice = Some(error.to_string()),
                segment => return Built { segment, notice },
            }
        }
        Built { segment: sealing.build(dimension, distance, &self.options, &progress), notice }
    }
}
