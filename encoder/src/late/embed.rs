//! The windows of many documents through the encoder, and the chunks' vectors out of them.

use std::ops::Range;

use rayon::prelude::*;

use super::document::{LateDocument, Prepared};
use super::window::{Piece, Window};
use crate::backend::Sequence;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::pooling::{self, Pooling};
use crate::sentence::Role;

/// Narrower windows have no room for context.
const NARROWEST: usize = 16;

impl Encoder {
    /// One vector of length 1 and [`dimension`](Encoder::dimension) components for each chunk of each document, in their order.
    ///
    /// Documents are read in windows of `window_tokens` (at least 16; more than [`max_tokens`](Encoder::max_tokens) counts as that): the
    /// special tokens, the document prompt, title and heading, and the text. A chunk takes its states from the window in which it lies
    /// farthest from an edge; one longer than a window is cut and averaged by tokens; one without tokens has the mean of its
    /// window's title and heading. Windows of all documents are batched together, and only sums are kept of their states.
    ///
    /// # Errors
    /// [`Error::OptionTooSmall`] for `window_tokens`, [`Error::ChunkOutOfRange`], [`Error::Tokenizer`], [`Error::Compute`],
    /// [`Error::NotFinite`].
    pub fn embed_late(&self, documents: &[LateDocument<'_>], window_tokens: usize) -> Result<Vec<Vec<Vec<f32>>>> {
        if window_tokens < NARROWEST {
            return Err(Error::OptionTooSmall { option: "window_tokens", found: window_tokens, minimum: NARROWEST });
        }
        let window_tokens = window_tokens.min(self.max_tokens());
        let tokenizer = self.tokenizer();
        let pooling = self.sentence().pooling;
        let prompt = tokenizer.encode(self.sentence().prompts.of(Role::Document), window_tokens)?.ids;
        let prepare = |(position, document): (usize, &LateDocument<'_>)| {
            Prepared::new(document, position, tokenizer, pooling, window_tokens, prompt.len())
        };
        let prepared: Vec<Prepared> =
            self.parallel(|| documents.par_iter().enumerate().map(prepare).collect::<Result<_>>())?;
        let windows: Vec<(usize, &Prepared, &Window)> = prepared
            .iter()
            .enumerate()
            .flat_map(|(position, document)| document.windows.iter().map(move |window| (position, document, window)))
            .collect();

        let sequence = |i: usize| {
            let Some((_, document, window)) = windows.get(i) else {
                return Sequence::default();
            };
            let (ids, context) = document.sequence(window, tokenizer, &prompt);
            let text = ids.len() - tokenizer.end().len() - window.tokens.len();
            let source = |piece: &Piece| source(piece, window, pooling, text, &context, ids.len());
            let spans = window.pieces.iter().map(source).collect();
            Sequence { ids, spans }
        };
        let lengths: Vec<usize> = (0..windows.len()).map(|i| sequence(i).ids.len()).collect();
        let means = self.lanes().run(&lengths, sequence)?;

        let mut sums: Vec<Vec<Sum>> =
            documents.iter().map(|document| vec![Sum::default(); document.chunks.len()]).collect();
        for ((position, _, window), means) in windows.iter().zip(means) {
            let means = means.unwrap_or_default();
            let rows = means.chunks_exact(self.info().hidden_size);
            for (piece, mean) in window.pieces.iter().zip(rows) {
                if let Some(sum) = sums.get_mut(*position).and_then(|chunks| chunks.get_mut(piece.chunk)) {
                    sum.add(mean, piece.tokens.len().max(1) as f32);
                }
            }
        }
        let unit = |position: usize, chunk: usize, sum: Sum| {
            pooling::to_unit(sum.states, self.dimension(), || {
                format!("the vector of chunk {chunk} of document {position}")
            })
        };
        let document = |(position, chunks): (usize, Vec<Sum>)| {
            chunks.into_iter().enumerate().map(|(chunk, sum)| unit(position, chunk, sum)).collect()
        };
        sums.into_iter().enumerate().map(document).collect()
    }
}

/// A chunk's states so far, weighted by tokens. Its length does not matter: the vector is scaled at the end.
#[derive(Clone, Default)]
struct Sum {
    states: Vec<f32>,
}

impl Sum {
    /// Adds the mean of a piece's states, which stands for `weight` tokens.
    fn add(&mut self, mean: &[f32], weight: f32) {
        self.states.resize(mean.len(), 0.0);
        for (sum, mean) in self.states.iter_mut().zip(mean) {
            *sum += mean * weight;
        }
    }
}

/// The rows of a window's states that stand for a piece; its text starts at row `text`, its context at `context`.
fn source(
    piece: &Piece,
    window: &Window,
    pooling: Pooling,
    text: usize,
    context: &Range<usize>,
    rows: usize,
) -> Range<usize> {
    let shift = |token: usize| text + (token - window.tokens.start);
    match (pooling, piece.tokens.is_empty(), context.is_empty()) {
        (Pooling::Cls, _, _) => 0..1,
        (Pooling::Mean, false, _) => shift(piece.tokens.start)..shift(piece.tokens.end),
        (Pooling::Mean, true, false) => context.clone(),
        (Pooling::Mean, true, true) => 0..rows,
    }
}
