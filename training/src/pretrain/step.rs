//! One batch of windows through the model, forwards and backwards.

use candle_core::{DType, Device, Tensor};

use super::masking::{Hidden, Replacement, mask};
use super::rows::{Row, row_tokens};
use super::sampler::Documents;
use crate::error::{Error, Result};
use crate::flops::Work;
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

/// Whose numbers decide what is hidden: every window has its own, so that it does not matter what it is read beside, or on which rank.
#[derive(Clone, Copy, Debug)]
pub struct MaskKey {
    /// The run's seed.
    pub seed: u64,
    /// What is hidden anew: the stage and the step.
    pub key: [u64; 2],
}

/// A batch on the device, with what was hidden in it.
pub struct MaskedBatch {
    batch: Batch,
    hidden: Hidden,
    work: Work,
}

/// Sums over a batch, on the device.
pub struct Sums {
    /// Losses of the hidden tokens, in nats.
    pub loss: Tensor,
    /// How many were predicted.
    pub correct: Tensor,
}

impl MaskedBatch {
    /// Cuts the windows of `rows` out of `corpora`, which `Window::corpus` counts, and hides tokens by `key`. Where they lie `flat` there
    /// is no padding between them.
    ///
    /// # Errors
    /// candle's.
    pub fn new(
        rows: &[Row],
        corpora: &[&dyn Documents],
        specials: Specials,
        policy: MaskPolicy,
        key: MaskKey,
        flat: bool,
        device: &Device,
    ) -> Result<Self> {
        let longest = rows.iter().map(|row| row_tokens(row)).max().unwrap_or(0);
        let width = longest.next_multiple_of(8);
        let mut hidden = Hidden::default();
        let mut sequences = Vec::with_capacity(rows.len());
        let mut first = 0;
        for (at, row) in rows.iter().enumerate() {
            let start = if flat { first } else { at * width };
            let mut ids: Vec<u32> = Vec::with_capacity(row_tokens(row));
            for window in row {
                let document = corpora
                    .get(usize::from(window.corpus))
                    .map_or(&[][..], |corpus| corpus.tokens(window.document as usize));
                let range = window.start as usize..(window.start + window.length) as usize;
                ids.push(specials.cls);
                let before = ids.len();
                ids.extend(document.get(range).unwrap_or_default().iter().map(|&id| u32::from(id)));
                if let Some(text) = ids.get_mut(before..).filter(|text| !text.is_empty()) {
                    let [stage, step] = key.key;
                    let place = [stage, step, window.corpus.into(), window.document.into(), window.start.into(), 2];
                    let mut random = Random::keyed(key.seed, &place);
                    let offset = (start + before) as u32;
                    mask(text, offset, policy.probability, specials.mask, policy.replacement, &mut random, &mut hidden);
                }
                ids.push(specials.sep);
            }
            first += ids.len();
            sequences.push(ids);
        }
        let work = Work::of(sequences.iter().map(Vec::len), hidden.positions.len());
        let batch = match flat {
            true => Batch::flat(&sequences, device)?,
            false => Batch::new(&sequences, specials.pad, device)?,
        };
        Ok(Self { batch, hidden, work })
    }

    /// How much there is to do for it.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }

    /// Hidden ones.
    #[must_use]
    pub fn masked(&self) -> usize {
        self.hidden.positions.len()
    }

    /// Adds `scale` times the gradients of the summed losses to the model's: of a frozen one, to its head's.
    ///
    /// # Errors
    /// candle's.
    pub fn train(&self, model: &NeoBert, keep: Keep, scale: f64) -> Result<Sums> {
        let keep = if model.is_frozen() { Keep::Nothing } else { keep };
        let (states, tape) = model.forward(&self.batch, keep)?;
        let outcome = head(model)?.run(&states, &self.hidden.positions, &self.hidden.labels, Some(scale as f32))?;
        drop(states);
        if let Some(dstates) = outcome.dstates.filter(|_| !model.is_frozen()) {
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
