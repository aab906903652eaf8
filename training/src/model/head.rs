//! The language-model head and its loss, on the masked rows only.

use candle_core::{DType, Result, Tensor};

use super::parameter::Parameter;
use crate::op;

/// In front of the names of its parameters.
pub(super) const HEAD: &str = "decoder.";
/// Most logits formed at once: rows times vocabulary.
const LOGITS: usize = 1 << 29;

/// One matrix with a bias, not tied to the embedding.
#[derive(Clone, Debug)]
pub struct LanguageModelHead {
    pub(super) weight: Parameter,
    pub(super) bias: Parameter,
}

/// What the head found out about a batch.
#[derive(Debug)]
pub struct HeadOutcome {
    /// Sum of the losses over the masked rows, in nats, as a scalar tensor on the device.
    pub loss: Tensor,
    /// How many labels had the highest logit, likewise.
    pub correct: Tensor,
    /// The gradient of the states `(n, d)`; absent without a `scale`.
    pub dstates: Option<Tensor>,
}

impl LanguageModelHead {
    /// The loss of `states` `(n, d)` at `rows` (in u32, each once) against `labels`. With a `scale`, `scale` times the gradients are
    /// added to the head's sums, and those of the states come back.
    ///
    /// # Errors
    /// candle's.
    pub fn run(&self, states: &Tensor, rows: &[u32], labels: &[u32], scale: Option<f32>) -> Result<HeadOutcome> {
        let device = states.device();
        let vocab = self.weight.shape().first().copied().unwrap_or(1);
        let mut losses = Vec::new();
        let mut gradients = Vec::new();
        let spans: Vec<u32> = rows.iter().flat_map(|&row| [row, row + 1]).collect();
        let spans = Tensor::from_vec(spans, (rows.len(), 2), device)?;
        let labels = Tensor::from_slice(labels, labels.len(), device)?;
        let picked = op::span_mean(states, &spans)?.to_dtype(states.dtype())?;
        let most = (LOGITS / vocab.max(1)).max(1);
        for start in (0..rows.len()).step_by(most) {
            let count = most.min(rows.len() - start);
            let picked = picked.narrow(0, start, count)?;
            let labels = labels.narrow(0, start, count)?;
            let logits = op::matmul(&picked, &self.weight.weight().t()?, self.weight.factors())?;
            let (loss, correct, dlogits) =
                op::cross_entropy(&logits, self.bias.weight(), &labels, scale.unwrap_or(0.0))?;
            drop(logits);
            losses.push((loss.sum_all()?, correct.sum_all()?));
            if scale.is_some() {
                self.weight.add_grad_product(&dlogits.t()?, &picked)?;
                self.bias.add_grad(&op::column_sum(&dlogits)?)?;
                gradients
                    .push(op::matmul(&dlogits, self.weight.weight(), self.weight.factors())?.to_dtype(DType::F32)?);
            }
        }
        let total = |of: fn(&(Tensor, Tensor)) -> &Tensor| -> Result<Tensor> {
            Tensor::stack(&losses.iter().map(of).collect::<Vec<_>>(), 0)?.sum_all()
        };
        let dstates = match gradients.is_empty() {
            true => None,
            false => Some(op::span_mean_backward(&Tensor::cat(&gradients, 0)?, &spans, states)?),
        };
        Ok(HeadOutcome { loss: total(|pair| &pair.0)?, correct: total(|pair| &pair.1)?, dstates })
    }
}
