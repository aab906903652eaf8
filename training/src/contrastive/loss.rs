//! The losses on vectors: InfoNCE against everything in the batch, and the imitation of a teacher.
//!
//! The vectors of a batch are few numbers, so candle's autograd may have them; its gradient of the vectors is where the model's own
//! backward pass starts. Only operations whose gradient candle does not drop are used.

use candle_core::{D, DType, Result, Tensor, Var};

/// What is wanted of a batch's vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Cosines of InfoNCE are divided by it.
    pub temperature: f64,
    /// Widths of the leading parts that are trained as vectors of their own, the whole first; Matryoshka (Kusupati et al. 2022).
    pub widths: Vec<usize>,
    /// Weight of InfoNCE.
    pub infonce: f64,
    /// Weight of `1 - cosine` to the teacher's vectors.
    pub distill: f64,
    /// Weight of the divergence of the scores from the teacher's.
    pub score_distill: f64,
    /// Cosines are divided by it before scores are compared.
    pub distill_temperature: f64,
    /// A document is no negative where the teacher scores it above the positive less this.
    pub filter_margin: Option<f64>,
}

/// The texts of a batch, each a query or a document, by their rows among its vectors.
#[derive(Clone, Debug)]
pub struct Links {
    /// `(documents)` in u32: rows of every document text, each a candidate for every query.
    pub documents: Tensor,
    /// `(queries)` in u32: rows of every query, each once.
    pub queries: Tensor,
    /// `(texts)` in u32: where each text is among documents and queries, one after the other.
    pub inverse: Tensor,
    /// `(pairs)` in u32: which of `queries` asks.
    pub asking: Tensor,
    /// `(pairs)` in u32: which of `documents` answers.
    pub positives: Tensor,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// The gradient of the vectors, `(texts, d)` in f32.
    pub gradient: Tensor,
    /// The total, as a scalar tensor.
    pub loss: Tensor,
    /// InfoNCE over the whole width, likewise.
    pub infonce: Tensor,
    /// Mean cosine to the teacher over the whole width, likewise; absent without a teacher.
    pub cosine: Option<Tensor>,
    /// The share of queries whose positive came first, likewise.
    pub accuracy: Tensor,
}

impl Objective {
    /// Losses and gradient of `vectors` `(texts, d)` in f32, which need not have length 1; `teacher` is `(texts, d')` in f32 of length
    /// 1; vectors of a width above `d'` learn from its scores alone.
    ///
    /// # Errors
    /// candle's.
    pub fn run(&self, vectors: &Tensor, links: &Links, teacher: Option<&Tensor>) -> Result<Outcome> {
        // Documents first and queries after them, so that taking either is a view: the gradient of a gather is slow on a GPU.
        let sorted = |rows: &Tensor| -> Result<Tensor> {
            Tensor::cat(&[rows.index_select(&links.documents, 0)?, rows.index_select(&links.queries, 0)?], 0)
        };
        let (documents, queries) = (links.documents.elem_count(), links.queries.elem_count());
        let split = |rows: &Tensor| -> Result<(Tensor, Tensor)> {
            let asking = rows.narrow(0, documents, queries)?.index_select(&links.asking, 0)?;
            Ok((rows.narrow(0, 0, documents)?, asking))
        };
        let leaf = Var::from_tensor(&sorted(vectors)?)?;
        let taught = match teacher {
            Some(teacher) => {
                let teacher = sorted(teacher)?;
                let (documents, queries) = split(&teacher)?;
                Some((teacher, queries.matmul(&documents.t()?)?))
            }
            None => None,
        };
        let share = 1.0 / self.widths.len().max(1) as f64;
        let mut total = Tensor::zeros((), DType::F32, vectors.device())?;
        let (mut infonce, mut cosine, mut accuracy) = (total.clone(), None, total.clone());
        for (at, &width) in self.widths.iter().enumerate() {
            let unit = unit(&leaf.as_tensor().narrow(1, 0, width)?)?;
            let (answers, questions) = split(&unit)?;
            let scores = questions.matmul(&answers.t()?)?;
            let filtered = match (&taught, self.filter_margin) {
                (Some((_, reference)), Some(margin)) => filter(&scores, reference, &links.positives, margin)?,
                _ => scores.clone(),
            };
            let target = links.positives.unsqueeze(1)?;
            let log_shares = log_softmax(&(filtered / self.temperature)?)?;
            let loss = log_shares.gather(&target, 1)?.mean_all()?.neg()?;
            total = (total + (&loss * (self.infonce * share))?)?;
            if at == 0 {
                let best = scores.detach().argmax(1)?;
                accuracy = best.eq(&links.positives)?.to_dtype(DType::F32)?.mean_all()?;
                infonce = loss.detach();
            }
            let Some((teacher, reference)) = &taught else { continue };
            if teacher.dim(1)? >= width {
                let wanted = self::unit(&teacher.narrow(1, 0, width)?)?;
                let close = (&unit * &wanted)?.sum(D::Minus1)?.mean_all()?;
                total = (total + (close.affine(-1.0, 1.0)? * (self.distill * share))?)?;
                if at == 0 {
                    cosine = Some(close.detach());
                }
            }
            if self.score_distill > 0.0 {
                let wanted = log_softmax(&(reference / self.distill_temperature)?)?;
                let found = log_softmax(&(&scores / self.distill_temperature)?)?;
                let divergence = (wanted.exp()? * (&wanted - &found)?)?.sum(D::Minus1)?.mean_all()?;
                total = (total + (divergence * (self.score_distill * share))?)?;
            }
        }
        let mut gradients = total.backward()?;
        let gradient = match gradients.remove(leaf.as_tensor()) {
            Some(gradient) => gradient.detach().index_select(&links.inverse, 0)?,
            None => vectors.zeros_like()?,
        };
        Ok(Outcome { gradient, loss: total.detach(), infonce, cosine, accuracy })
    }
}

/// Scores with what may be true but unlabelled taken out of the competition.
fn filter(scores: &Tensor, reference: &Tensor, positives: &Tensor, margin: f64) -> Result<Tensor> {
    let target = positives.unsqueeze(1)?;
    let bar = (reference.gather(&target, 1)? - margin)?;
    let suspicious = reference.broadcast_gt(&bar)?;
    let columns = Tensor::arange(0, scores.dim(1)? as u32, scores.device())?.unsqueeze(0)?;
    let other = columns.broadcast_ne(&target)?;
    // Far below any cosine, and finite, so that the softmax gives 0 and the gradient nothing.
    let away = scores.ones_like()?.affine(-1e4, 0.0)?;
    (suspicious * other)?.where_cond(&away, scores)
}

/// Rows of length 1.
pub(super) fn unit(x: &Tensor) -> Result<Tensor> {
    let norm = (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    x.broadcast_div(&norm)
}

fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(D::Minus1)?.log()?)
}
