//! One batch of windows through the model, forwards and backwards.

use candle_core::{DType, Tensor};

use super::masking::{Hidden, Replacement, mask};
use super::sampler::{Documents, Window};
use crate::error::{Error, Result};
use crate::model::{Batch, Keep, NeoBert};
use crate::random::Random;

/// What stands around a window and in the place of hidden tokens.
#[derive(Clone, Copy, Debug)]
pub struct Specials {
    /// Before the text.
    pub cls: u32,
    /// After it.
    pub sep: u32,
    /// For hidden tokens.
    pub mask: u32,
    /// For filling up a batch.
    pub pad: u32,
}

impl Specials {
    /// Special tokens a window gets.
    pub const AROUND: usize = 2;
}

/// How a stage hides tokens.
#[derive(Clone, Copy, Debug)]
pub struct MaskPolicy {
    /// The chance of each token.
    pub probability: f64,
    /// What it is replaced by.
    pub replacement: Replacement,
}

/// A batch on the device, with what was hidden in it.
pub struct MaskedBatch {
    batch: Batch,
    hidden: Hidden,
    tokens: usize,
}

/// Sums over a batch, on the device.
pub struct Sums {
    /// Losses of the hidden tokens, in nats.
    pub loss: Tensor,
    /// How many were predicted.
    pub correct: Tensor,
}

impl MaskedBatch {
    /// Cuts `windows` out of `corpora`, which `Window::corpus` counts, and hides tokens by `random`.
    ///
    /// # Errors
    /// candle's.
    pub fn new(
        windows: &[Window],
        corpora: &[&dyn Documents],
        specials: Specials,
        policy: MaskPolicy,
        random: &mut Random,
        model: &NeoBert,
    ) -> Result<Self> {
        let longest = windows.iter().map(|window| window.length as usize).max().unwrap_or(0);
        let seq = (longest + Specials::AROUND).next_multiple_of(8);
        let (mut hidden, mut tokens) = (Hidden::default(), 0);
        let mut sequences = Vec::with_capacity(windows.len());
        for (at, window) in windows.iter().enumerate() {
            let document = corpora
                .get(usize::from(window.corpus))
                .map_or(&[][..], |corpus| corpus.tokens(window.document as usize));
            let range = window.start as usize..(window.start + window.length) as usize;
            let text = document.get(range).unwrap_or_default().iter().map(|&id| u32::from(id));
            let mut ids: Vec<u32> = [specials.cls].into_iter().chain(text).chain([specials.sep]).collect();
            let inner = ids.len() - 1;
            let first = (at * seq + 1) as u32;
            if let Some(text) = ids.get_mut(1..inner).filter(|text| !text.is_empty()) {
                mask(text, first, policy.probability, specials.mask, policy.replacement, random, &mut hidden);
            }
            tokens += ids.len();
            sequences.push(ids);
        }
        Ok(Self { batch: Batch::new(&sequences, specials.pad, model.device())?, hidden, tokens })
    }

    /// Tokens in it, without padding.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Windows in it.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.batch.sequences
    }

    /// Hidden ones.
    #[must_use]
    pub fn masked(&self) -> usize {
        self.hidden.positions.len()
    }

    /// Adds `scale` times the gradients of the summed losses to the model's.
    ///
    /// # Errors
    /// candle's.
    pub fn train(&self, model: &NeoBert, keep: Keep, scale: f64) -> Result<Sums> {
        let (states, tape) = model.forward(&self.batch, keep)?;
        let outcome = head(model)?.run(&states, &self.hidden.positions, &self.hidden.labels, Some(scale as f32))?;
        drop(states);
        if let Some(dstates) = outcome.dstates {
            model.backward(&self.batch, tape, &dstates)?;
        }
        Ok(Sums { loss: outcome.loss, correct: outcome.correct })
    }

    /// The losses alone.
    ///
    /// # Errors
    /// candle's.
    pub fn evaluate(&self, model: &NeoBert) -> Result<Sums> {
        let (states, _) = model.forward(&self.batch, Keep::Nothing)?;
        let outcome = head(model)?.run(&states, &self.hidden.positions, &self.hidden.labels, None)?;
        Ok(Sums { loss: outcome.loss, correct: outcome.correct })
    }
}

fn head(model: &NeoBert) -> Result<&crate::model::LanguageModelHead> {
    model.head().ok_or_else(|| Error::Unavailable {
        what: "masked-language-model pretraining".to_owned(),
        reason: "the model has no head for it".to_owned(),
    })
}

/// A sum on the device as a number. Waits for it.
///
/// # Errors
/// candle's.
pub fn number(sum: &Tensor) -> Result<f64> {
    Ok(f64::from(sum.to_dtype(DType::F32)?.to_scalar::<f32>()?))
}
