//! The texts of a batch: sequences through the model, spans of them as vectors.

use candle_core::{DType, Device, Tensor};

use crate::error::Result;
use crate::model::{Batch, Keep, NeoBert, Tape};
use crate::op;

/// A sequence of ids, its special tokens included, and the row ranges that are pooled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids.
    pub ids: Vec<u32>,
    /// First position and position past the last of each span; not empty, not overlapping.
    pub spans: Vec<(u32, u32)>,
}

/// Sequences of a batch, sorted into pieces of like length.
pub struct Texts {
    pieces: Vec<Piece>,
    /// Position of each text among the pieces' rows, in the order of the sequences and their spans.
    order: Tensor,
    /// The inverse of `order`.
    inverse: Tensor,
    tokens: usize,
}

struct Piece {
    batch: Batch,
    /// `(texts, 2)` in u32: rows of the batch.
    spans: Tensor,
    texts: usize,
}

/// A piece's way back.
struct Remembered {
    tape: Tape,
    states: Tensor,
}

/// The vectors of a batch, and perhaps the way back from them.
pub struct Encoded {
    /// `(texts, d)` in f32, not yet of length 1, in the order of the sequences and their spans.
    pub vectors: Tensor,
    remembered: Vec<Remembered>,
}

impl Texts {
    /// Sorts `sequences` into pieces of at most `piece_tokens` tokens, padding included; a longer sequence is a piece of its own.
    ///
    /// # Errors
    /// candle's.
    pub fn new(sequences: &[Sequence], piece_tokens: usize, padding: u32, device: &Device) -> Result<Self> {
        let mut by_length: Vec<usize> = (0..sequences.len()).collect();
        let length = |i: &usize| sequences.get(*i).map_or(0, |sequence| sequence.ids.len());
        by_length.sort_by_key(|i| std::cmp::Reverse(length(i)));
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut width = 0;
        for i in by_length {
            // A batch whose rows were half padding would be no saving over one more batch.
            let alike = 4 * length(&i).next_multiple_of(8) >= 3 * width;
            match groups.last_mut() {
                Some(group)
                    if (group.len() + 1) * width <= piece_tokens
                        && (alike || group.len() * width < piece_tokens / 8) =>
                {
                    group.push(i)
                }
                _ => {
                    width = length(&i).next_multiple_of(8);
                    groups.push(vec![i]);
                }
            }
        }
        let mut first_text = Vec::with_capacity(sequences.len());
        let mut texts = 0_u32;
        for sequence in sequences {
            first_text.push(texts);
            texts += sequence.spans.len() as u32;
        }
        let mut pieces = Vec::with_capacity(groups.len());
        let (mut order, mut row) = (vec![0_u32; texts as usize], 0_u32);
        let mut inverse = Vec::with_capacity(texts as usize);
        for group in &groups {
            let members: Vec<&Sequence> = group.iter().filter_map(|&i| sequences.get(i)).collect();
            let ids: Vec<&[u32]> = members.iter().map(|sequence| sequence.ids.as_slice()).collect();
            let batch = Batch::new(&ids, padding, device)?;
            let mut spans = Vec::new();
            for (at, (&i, member)) in group.iter().zip(&members).enumerate() {
                let base = (at * batch.seq) as u32;
                for (span, &(start, end)) in member.spans.iter().enumerate() {
                    spans.extend([base + start, base + end]);
                    let text = first_text.get(i).copied().unwrap_or(0) + span as u32;
                    inverse.push(text);
                    if let Some(slot) = order.get_mut(text as usize) {
                        *slot = row;
                    }
                    row += 1;
                }
            }
            let texts = spans.len() / 2;
            pieces.push(Piece { batch, spans: Tensor::from_vec(spans, (texts, 2), device)?, texts });
        }
        Ok(Self {
            pieces,
            order: Tensor::from_vec(order, texts as usize, device)?,
            inverse: Tensor::from_vec(inverse, texts as usize, device)?,
            tokens: sequences.iter().map(|sequence| sequence.ids.len()).sum(),
        })
    }

    /// Tokens in all, without padding.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Tokens in all, with padding: what the device works on.
    #[must_use]
    pub fn padded_tokens(&self) -> usize {
        self.pieces.iter().map(|piece| piece.batch.sequences * piece.batch.seq).sum()
    }

    /// The vectors of all texts. With `remember`, the way back stays in memory for all pieces at once; without, they are computed again
    /// there, piece by piece (gradient caching, Gao et al. 2021).
    ///
    /// # Errors
    /// candle's.
    pub fn encode(&self, model: &NeoBert, remember: bool) -> Result<Encoded> {
        let keep = if remember { Keep::Products } else { Keep::Nothing };
        let (mut vectors, mut remembered) = (Vec::new(), Vec::new());
        for piece in &self.pieces {
            let (states, tape) = model.forward(&piece.batch, keep)?;
            vectors.push(op::span_mean(&states, &piece.spans)?);
            if remember {
                remembered.push(Remembered { tape, states });
            }
        }
        let vectors = Tensor::cat(&vectors, 0)?.index_select(&self.order, 0)?;
        Ok(Encoded { vectors, remembered })
    }

    /// Adds the gradients of the weights, from that of the vectors `(texts, d)` in f32.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(&self, model: &NeoBert, encoded: Encoded, gradient: &Tensor, keep: Keep) -> Result<()> {
        let gradient = gradient.to_dtype(DType::F32)?.index_select(&self.inverse, 0)?;
        let mut first = 0;
        let mut remembered = encoded.remembered.into_iter();
        drop(encoded.vectors);
        for piece in &self.pieces {
            let own = gradient.narrow(0, first, piece.texts)?;
            first += piece.texts;
            let Remembered { tape, states } = match remembered.next() {
                Some(remembered) => remembered,
                None => {
                    let (states, tape) = model.forward(&piece.batch, keep)?;
                    Remembered { tape, states }
                }
            };
            let dstates = op::span_mean_backward(&own, &piece.spans, &states)?;
            drop(states);
            model.backward(&piece.batch, tape, &dstates)?;
        }
        Ok(())
    }
}
