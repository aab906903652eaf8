//! Which stretches of which documents a step reads.
//!
//! Every corpus is cut once into windows; an epoch goes through a corpus's windows in an order of its own, each once. Which corpus gives
//! the next window is drawn by the step's own random numbers, so that the cursors of a checkpoint are all a resumed run needs.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// Shorter windows teach little and cost a row.
pub(super) const SHORTEST: usize = 16;

/// Documents as token ids without special tokens.
pub trait Documents: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The tokens of document `index`; empty where there is none.
    fn tokens(&self, index: usize) -> &[u16];
}

/// A stretch of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The corpus.
    pub corpus: u16,
    /// The document in it.
    pub document: u32,
    /// Its first token.
    pub start: u32,
    /// Its tokens.
    pub length: u32,
}

/// One corpus of a stage: its documents, or those long enough, with a weight.
pub struct Share<'a> {
    /// Where the documents are.
    pub documents: &'a dyn Documents,
    /// Its chance per window; its number of windows where absent.
    pub weight: Option<f64>,
    /// Only documents of at least this many tokens.
    pub min_tokens: usize,
}

/// How far a corpus has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Times it was read whole.
    pub epoch: u64,
    /// Windows read of this time.
    pub position: u64,
}

/// The windows of a stage and the order they come in.
pub struct Sampler {
    seed: u64,
    stage: u64,
    windows: Vec<Vec<Window>>,
    weights: Vec<f64>,
    /// The order of each corpus's current epoch.
    orders: Vec<Vec<u32>>,
    cursors: Vec<Cursor>,
}

impl Sampler {
    /// Cuts `shares` into windows of at most `length` tokens. Documents for which `held_out` is true are left out.
    pub fn new(
        seed: u64,
        stage: u64,
        shares: &[Share<'_>],
        length: usize,
        held_out: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let windows: Vec<Vec<Window>> = shares
            .iter()
            .enumerate()
            .map(|(corpus, share)| {
                let kept = (0..share.documents.count()).filter(|&document| !held_out(corpus, document));
                kept.flat_map(|document| cut(share, corpus, document, length)).collect()
            })
            .collect();
        let weights = shares.iter().zip(&windows).map(|(share, windows)| match windows.is_empty() {
            true => 0.0,
            false => share.weight.unwrap_or(windows.len() as f64),
        });
        let mut sampler = Self {
            seed,
            stage,
            weights: weights.collect(),
            orders: vec![Vec::new(); windows.len()],
            cursors: vec![Cursor::default(); windows.len()],
            windows,
        };
        (0..sampler.windows.len()).for_each(|corpus| sampler.order(corpus));
        sampler
    }

    /// Windows of all corpora together.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows.iter().map(Vec::len).sum()
    }

    /// Tokens of one reading of everything.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.windows.iter().flatten().map(|window| u64::from(window.length)).sum()
    }

    /// How far each corpus has been read.
    #[must_use]
    pub fn cursors(&self) -> &[Cursor] {
        &self.cursors
    }

    /// Goes on from `cursors`, as [`Sampler::cursors`] gave them.
    pub fn restore(&mut self, cursors: &[Cursor]) {
        for (own, cursor) in self.cursors.iter_mut().zip(cursors) {
            *own = *cursor;
        }
        (0..self.windows.len()).for_each(|corpus| self.order(corpus));
    }

    /// The windows of step `step`: as many as it takes to reach `tokens`, `extra` being added to each for its special tokens.
    pub fn step(&mut self, step: u64, tokens: usize, extra: usize) -> Vec<Window> {
        let mut random = Random::keyed(self.seed, &[self.stage, step, 0]);
        let (mut drawn, mut total) = (Vec::new(), 0);
        while total < tokens {
            let corpus = random.choose(&self.weights);
            let Some(window) = self.next(corpus) else { break };
            total += window.length as usize + extra;
            drawn.push(window);
        }
        drawn
    }

    fn next(&mut self, corpus: usize) -> Option<Window> {
        let cursor = self.cursors.get_mut(corpus)?;
        let windows = self.windows.get(corpus)?;
        if cursor.position as usize >= windows.len() {
            *cursor = Cursor { epoch: cursor.epoch + 1, position: 0 };
            self.order(corpus);
        }
        let cursor = self.cursors.get_mut(corpus)?;
        let at = *self.orders.get(corpus)?.get(cursor.position as usize)?;
        cursor.position += 1;
        self.windows.get(corpus)?.get(at as usize).copied()
    }

    fn order(&mut self, corpus: usize) {
        let epoch = self.cursors.get(corpus).map_or(0, |cursor| cursor.epoch);
        let count = self.windows.get(corpus).map_or(0, Vec::len);
        let mut order: Vec<u32> = (0..count as u32).collect();
        Random::keyed(self.seed, &[self.stage, corpus as u64, epoch, 1]).shuffle(&mut order);
        if let Some(slot) = self.orders.get_mut(corpus) {
            *slot = order;
        }
    }
}

/// The windows of a document, of about equal lengths.
fn cut(share: &Share<'_>, corpus: usize, document: usize, length: usize) -> Vec<Window> {
    let total = share.documents.tokens(document).len();
    if total < SHORTEST.max(share.min_tokens) || length == 0 {
        return Vec::new();
    }
    let count = total.div_ceil(length);
    let at = |i: usize| (total * i / count) as u32;
    let window =
        |i: usize| Window { corpus: corpus as u16, document: document as u32, start: at(i), length: at(i + 1) - at(i) };
    (0..count).map(window).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    struct Counting(Vec<usize>);

    const ZEROS: [u16; 1000] = [0; 1000];

    impl Documents for Counting {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn tokens(&self, index: usize) -> &[u16] {
            &ZEROS[..self.0[index]]
        }
    }

    fn shares(documents: &Counting) -> Vec<Share<'_>> {
        let share = |min_tokens| Share { documents, weight: None, min_tokens };
        vec![share(0), share(100)]
    }

    #[test]
    fn windows_cover_every_long_enough_document_once() {
        let documents = Counting(vec![3, 50, 100, 250, 1000]);
        let sampler = Sampler::new(1, 0, &shares(&documents), 64, |_, document| document == 3);
        let of = |corpus: usize| -> usize { sampler.windows[corpus].iter().map(|w| w.length as usize).sum() };
        assert_eq!((of(0), of(1)), (1150, 1100));
        assert!(sampler.windows.iter().flatten().all(|w| w.length <= 64 && w.length >= 48 && w.document != 3));
    }

    #[test]
    fn an_epoch_reads_everything_once_and_the_next_in_another_order() {
        let documents = Counting(vec![64; 40]);
        let mut sampler = Sampler::new(1, 0, &shares(&documents)[..1], 64, |_, _| false);
        let mut epoch = |step| sampler.step(step, 40 * 66, 2);
        let (mut first, mut second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        let sort = |windows: &mut Vec<Window>| windows.sort_by_key(|w| w.document);
        sort(&mut first);
        sort(&mut second);
        assert_eq!(first, second);
        assert_eq!(first.len(), 40);
    }

    #[test]
    fn cursors_are_all_it_takes_to_go_on() {
        let documents = Counting(vec![64, 300, 200, 90, 1000]);
        let mut whole = Sampler::new(5, 2, &shares(&documents), 64, |_, _| false);
        let first: Vec<_> = (0..20).map(|step| whole.step(step, 500, 2)).collect();
        let mut part = Sampler::new(5, 2, &shares(&documents), 64, |_, _| false);
        (0..7).for_each(|step| drop(part.step(step, 500, 2)));
        let cursors = part.cursors().to_vec();
        let mut resumed = Sampler::new(5, 2, &shares(&documents), 64, |_, _| false);
        resumed.restore(&cursors);
        let rest: Vec<_> = (7..20).map(|step| resumed.step(step, 500, 2)).collect();
        assert_eq!(rest, first[7..]);
    }
}
