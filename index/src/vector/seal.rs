//! From memtables to segments, and from small segments to large ones, while searches and writers go on.
//!
//! What to do is decided by [`VectorSet::begin`], which freezes the memtable and hands out a [`Sealing`]; building it takes no lock; and
//! [`VectorSet::install`] puts the new segment in the place of what it was made from. Keys taken out meanwhile are remembered and taken out
//! of the new segment too.

use std::mem;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::VectorIndex;
use super::memtable::Memtable;
use super::neighbours::Neighbours;
use super::segment::{BuildOptions, Segment, SegmentBuilder};
use super::set::{Layers, SegmentId, VectorSet};
use crate::error::Result;

/// When vectors are sealed and segments merged.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SealPolicy {
    /// A memtable of this many vectors is sealed. Default 16,384: scanning as many takes about as long as a walk.
    pub seal_at: usize,
    /// A segment is merged into a new one that is not smaller than it divided by this. Default 2: so each segment is more than twice as large
    /// as all smaller ones together, and a million vectors are in four at most.
    pub merge_ratio: f64,
    /// A segment with a larger share of deleted vectors than this is built again. Default 0.2.
    pub most_dead: f64,
    /// No merge makes a segment of more vectors than this, which bounds the memory one takes: about that of the vectors merged, once more.
    /// Default 4,194,304.
    pub largest: usize,
}

impl Default for SealPolicy {
    fn default() -> Self {
        Self { seal_at: 16_384, merge_ratio: 2.0, most_dead: 0.2, largest: 1 << 22 }
    }
}

impl SealPolicy {
    /// With memtables sealed at this many vectors.
    #[must_use]
    pub fn with_seal_at(self, seal_at: usize) -> Self {
        Self { seal_at, ..self }
    }
}

/// Vectors that are about to become one segment.
#[derive(Debug)]
pub struct Sealing {
    memtables: Vec<Arc<Memtable>>,
    segments: Vec<(SegmentId, Arc<Segment>)>,
}

impl Sealing {
    /// How many vectors there are at most.
    pub fn len(&self) -> usize {
        let live: usize = self.segments.iter().map(|(_, segment)| segment.live()).sum();
        self.memtables.iter().map(|memtable| memtable.len()).sum::<usize>() + live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The segments that the new one takes the place of.
    pub fn replaced(&self) -> Vec<SegmentId> {
        self.segments.iter().map(|(id, _)| *id).collect()
    }

    /// Builds the segment, on all of rayon's threads; see [`SegmentBuilder::build`].
    ///
    /// # Errors
    /// Those of [`SegmentBuilder::build`].
    pub fn build(
        &self,
        dimension: usize,
        distance: super::Distance,
        options: &BuildOptions,
        progress: impl Fn(usize) -> bool + Sync,
    ) -> Result<Option<Segment>> {
        self.gathered(dimension, distance)?.build(options, progress)
    }

    /// As [`Sealing::build`], with the rows' neighbours chosen from those that `neighbours` finds; see [`SegmentBuilder::build_by`].
    ///
    /// # Errors
    /// Those of [`SegmentBuilder::build_by`].
    pub fn build_by(
        &self,
        neighbours: &dyn Neighbours,
        dimension: usize,
        distance: super::Distance,
        options: &BuildOptions,
        progress: impl Fn(usize) -> bool + Sync,
    ) -> Result<Option<Segment>> {
        self.gathered(dimension, distance)?.build_by(neighbours, options, progress)
    }

    /// All vectors.
    fn gathered(&self, dimension: usize, distance: super::Distance) -> Result<SegmentBuilder> {
        let mut builder = SegmentBuilder::new(dimension, distance, self.len())?;
        let (block, keys) = builder.parts();
        for (_, segment) in &self.segments {
            for (key, row) in segment.live_rows() {
                block.push_from(segment.block(), row);
                keys.push(key);
            }
        }
        for chunk in self.memtables.iter().flat_map(|memtable| memtable.chunks()) {
            for (row, &key) in chunk.keys().iter().enumerate() {
                block.push_from_chunk(&chunk, row);
                keys.push(key);
            }
        }
        Ok(builder)
    }
}

impl VectorSet {
    /// What there is to do, if anything: frozen from now on. One at a time: until it is [installed](VectorSet::install) or
    /// [given up](VectorSet::give_up) there is nothing else.
    ///
    /// # Errors
    /// None in practice: those of making an empty memtable.
    pub fn begin(&self, policy: &SealPolicy) -> Result<Option<Sealing>> {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        if self.sealing.load(Ordering::Acquire) {
            return Ok(None);
        }
        let Some((freeze, merged)) = choose(&layers, policy) else { return Ok(None) };
        let mut changed = Layers::clone(&layers);
        if freeze {
            let empty = Arc::new(Memtable::new(self.dimension(), self.distance())?);
            changed.frozen.push(mem::replace(&mut changed.active, empty));
        }
        let segments = changed.segments.iter().filter(|(id, _)| merged.contains(id)).cloned().collect();
        let sealing = Sealing { memtables: changed.frozen.clone(), segments };
        self.taken_out.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.sealing.store(true, Ordering::Release);
        *layers = Arc::new(changed);
        self.generation.fetch_add(1, Ordering::AcqRel);
        Ok(Some(sealing))
    }

    /// Whether [`VectorSet::begin`] would find something to do.
    pub fn has_work(&self, policy: &SealPolicy) -> bool {
        !self.sealing.load(Ordering::Acquire) && choose(&self.read(), policy).is_some()
    }

    /// Puts a segment in the place of what it was made from.
    pub fn install(&self, sealing: Sealing, id: SegmentId, segment: Segment) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        for key in mem::take(&mut *self.taken_out.lock().unwrap_or_else(PoisonError::into_inner)) {
            segment.remove(key);
        }
        let mut changed = Layers::clone(&layers);
        let replaced = sealing.replaced();
        changed.segments.retain(|(id, _)| !replaced.contains(id));
        if !segment.is_empty() {
            changed.segments.push((id, Arc::new(segment)));
        }
        changed.frozen.retain(|memtable| !sealing.memtables.iter().any(|sealed| Arc::ptr_eq(sealed, memtable)));
        *layers = Arc::new(changed);
        self.sealing.store(false, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Leaves everything as it is: the frozen memtables are scanned until the next sealing takes them.
    pub fn give_up(&self, sealing: Sealing) {
        drop(sealing);
        self.taken_out.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.sealing.store(false, Ordering::Release);
    }

    /// Adds a segment that was stored. Its keys must not be anywhere else in the set.
    pub fn add_segment(&self, id: SegmentId, segment: Segment) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Layers::clone(&layers);
        changed.segments.push((id, Arc::new(segment)));
        *layers = Arc::new(changed);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

/// Whether to freeze the memtable, and the segments to merge; `None` when there is nothing to do.
fn choose(layers: &Layers, policy: &SealPolicy) -> Option<(bool, Vec<SegmentId>)> {
    let waiting: usize = layers.frozen.iter().map(|memtable| memtable.len()).sum();
    let unsealed = waiting + layers.active.len();
    let mut by_size: Vec<&(SegmentId, Arc<Segment>)> = layers.segments.iter().collect();
    by_size.sort_by_key(|(id, segment)| (segment.live(), *id));
    if unsealed >= policy.seal_at.max(1) {
        let mut size = unsealed;
        let mut merged = Vec::new();
        for (id, segment) in by_size {
            let together = size + segment.live();
            if segment.live() as f64 > size as f64 * policy.merge_ratio || together > policy.largest {
                break;
            }
            merged.push(*id);
            size = together;
        }
        return Some((true, merged));
    }
    let worn = by_size.iter().find(|(_, segment)| segment.dead() as f64 > segment.len() as f64 * policy.most_dead);
    worn.map(|(id, _)| (false, vec![*id]))
}
