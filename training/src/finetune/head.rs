//! The head of the paper and of Hugging Face's NeoBERT: the first token's state through dropout, a square layer, tanh, dropout again, and
//! one row of weights for each output.
//!
//! Its numbers are few, so that candle's autograd may have them, as in the losses on vectors; the gradient of the states is where the
//! model's own way back starts.

use candle_core::{D, DType, Device, Tensor, Var};

use crate::error::Result;
use crate::model::{Parameter, Precision};
use crate::random::Random;

/// The standard deviation of the first weights (`classifier_init_range`).
const SPREAD: f64 = 0.02;

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Numbers of classes; the loss is the mean cross-entropy.
    Classes(Vec<u32>),
    /// Scores; the loss is the mean square.
    Scores(Vec<f32>),
}

/// The head in training.
#[derive(Clone, Debug)]
pub struct ClassificationHead {
    dense: Parameter,
    dense_bias: Parameter,
    classifier: Parameter,
    classifier_bias: Parameter,
}

/// What came of a batch.
#[derive(Debug)]
pub struct HeadRun {
    /// The mean loss, a scalar tensor.
    pub loss: Tensor,
    /// The gradient of the states, `(b, d)` in f32.
    pub dstates: Tensor,
}

impl ClassificationHead {
    /// A head over states of width `hidden`, with weights normal around 0 and biases 0.
    ///
    /// # Errors
    /// candle's.
    pub fn new(hidden: usize, outputs: usize, random: &mut Random, device: &Device) -> Result<Self> {
        let mut parameter = |name: &str, shape: &[usize]| -> Result<Parameter> {
            let count = shape.iter().product();
            let values = match shape.len() {
                1 => vec![0.0; count],
                _ => (0..count).map(|_| (SPREAD * normal(random)) as f32).collect(),
            };
            Parameter::new(name, values, shape, Precision::F32, device)
        };
        Ok(Self {
            dense: parameter("dense.weight", &[hidden, hidden])?,
            dense_bias: parameter("dense.bias", &[hidden])?,
            classifier: parameter("classifier.weight", &[outputs, hidden])?,
            classifier_bias: parameter("classifier.bias", &[outputs])?,
        })
    }

    /// The outputs `(b, outputs)` for states `(b, d)` in f32, without dropout.
    ///
    /// # Errors
    /// candle's.
    pub fn outputs(&self, states: &Tensor) -> Result<Tensor> {
        let weights = [&self.dense, &self.dense_bias, &self.classifier, &self.classifier_bias];
        forward(states, weights.map(Parameter::weight), None)
    }

    /// The loss of states `(b, d)` in f32. Adds the gradients of the head's weights to their sums. `dropout` is the chance of being left out.
    ///
    /// # Errors
    /// candle's.
    pub fn train(&self, states: &Tensor, labels: &Labels, dropout: f32, random: &mut Random) -> Result<HeadRun> {
        let states = Var::from_tensor(&states.detach())?;
        let parameters = [&self.dense, &self.dense_bias, &self.classifier, &self.classifier_bias];
        let variable = |parameter: &Parameter| Var::from_tensor(&parameter.weight().detach());
        let weights = [
            variable(&self.dense)?,
            variable(&self.dense_bias)?,
            variable(&self.classifier)?,
            variable(&self.classifier_bias)?,
        ];
        let (rows, width) = states.dims2()?;
        let masks = match dropout > 0.0 {
            true => {
                let mut mask = || mask(rows, width, dropout, random, states.device());
                Some([mask()?, mask()?])
            }
            false => None,
        };
        let used = weights.each_ref().map(Var::as_tensor);
        let loss = loss(&forward(&states, used, masks.as_ref())?, labels)?;
        let gradients = loss.backward()?;
        for (parameter, weight) in parameters.into_iter().zip(&weights) {
            if let Some(gradient) = gradients.get(weight) {
                parameter.add_grad(&gradient.contiguous()?)?;
            }
        }
        let dstates = match gradients.get(&states) {
            Some(gradient) => gradient.detach().contiguous()?,
            None => states.zeros_like()?,
        };
        Ok(HeadRun { loss: loss.detach(), dstates })
    }

    /// Its parameters: two of weights, two of biases.
    #[must_use]
    pub fn parameters(&self) -> [&Parameter; 4] {
        [&self.dense, &self.dense_bias, &self.classifier, &self.classifier_bias]
    }

    /// The weights, which are decayed, to be changed.
    pub fn weights_mut(&mut self) -> [&mut Parameter; 2] {
        [&mut self.dense, &mut self.classifier]
    }

    /// The biases, which are not decayed, to be changed.
    pub fn biases_mut(&mut self) -> [&mut Parameter; 2] {
        [&mut self.dense_bias, &mut self.classifier_bias]
    }
}

fn forward(states: &Tensor, weights: [&Tensor; 4], masks: Option<&[Tensor; 2]>) -> Result<Tensor> {
    let [dense, dense_bias, classifier, classifier_bias] = weights;
    let dropped = |x: Tensor, which: usize| match masks.and_then(|masks| masks.get(which)) {
        Some(mask) => x * mask,
        None => Ok(x),
    };
    let x = dropped(states.clone(), 0)?;
    let x = x.matmul(&dense.t()?)?.broadcast_add(dense_bias)?.tanh()?;
    let x = dropped(x, 1)?;
    Ok(x.matmul(&classifier.t()?)?.broadcast_add(classifier_bias)?)
}

fn loss(outputs: &Tensor, labels: &Labels) -> Result<Tensor> {
    let device = outputs.device();
    match labels {
        Labels::Classes(classes) => {
            let target = Tensor::from_slice(classes, (classes.len(), 1), device)?;
            let shifted = outputs.broadcast_sub(&outputs.max_keepdim(D::Minus1)?.detach())?;
            let log_shares = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)?;
            Ok(log_shares.gather(&target, 1)?.mean_all()?.neg()?)
        }
        Labels::Scores(scores) => {
            let target = Tensor::from_slice(scores, (scores.len(), 1), device)?;
            Ok((outputs - target)?.sqr()?.mean_all()?)
        }
    }
}

/// Zeros with chance `dropout`, and else what makes up for them.
fn mask(rows: usize, width: usize, dropout: f32, random: &mut Random, device: &Device) -> Result<Tensor> {
    let kept = 1.0 / (1.0 - dropout);
    let values: Vec<f32> = (0..rows * width).map(|_| if random.chance(dropout.into()) { 0.0 } else { kept }).collect();
    Ok(Tensor::from_vec(values, (rows, width), device)?.to_dtype(DType::F32)?)
}

/// Normal around 0 (Box & Muller 1958).
fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.unit()).cos()
}
