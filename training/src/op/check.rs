//! Every operation on random inputs, on a device against the CPU: the first thing to run on a new GPU, where wrong numbers would
//! otherwise only show as a loss that falls too slowly.
//!
//! The CPU gets the inputs as the device has them, rounded to bf16 where it computes in bf16, so that what differs is the arithmetic
//! alone: about 1e-6 in f32 (1e-3 where the GPU multiplies in TF32) and 3e-3 in bf16.

use candle_core::{DType, Device, Result, Tensor};

use super::{AdamwStep, Factors, Padded};

/// Relative errors `||a - b|| / ||b||` of every output of every operation on `device`, by name, in f32 and, on a GPU, in bf16; infinite
/// where an output is not a number.
///
/// # Errors
/// candle's, where an operation fails.
pub fn check(device: &Device) -> Result<Vec<(String, f64)>> {
    let mut errors = Vec::new();
    let dtypes: &[DType] = if device.is_cpu() { &[DType::F32] } else { &[DType::F32, DType::BF16] };
    for &dtype in dtypes {
        let mut check = Check { device, dtype, seed: 1, errors: &mut errors };
        // Widths the kernels take many elements at a time, and odd ones.
        for (n, d) in [(150, 384), (33, 70), (5, 7)] {
            check.rows(n, d)?;
        }
        for (batch, seq, heads, width) in [(3, 128, 6, 64), (2, 37, 2, 6), (1, 1, 1, 64), (3, 1100, 2, 64)] {
            check.attention(batch, seq, heads, width)?;
        }
        for (rows, vocab) in [(9, 24_576), (6, 101)] {
            check.loss(rows, vocab)?;
        }
        for count in [100_000, 1001] {
            check.flat(count)?;
        }
    }
    Ok(errors)
}

/// A tensor on the CPU in f32 and the same numbers on the device.
type Pair = (Tensor, Tensor);

struct Check<'a> {
    device: &'a Device,
    dtype: DType,
    seed: u64,
    errors: &'a mut Vec<(String, f64)>,
}

impl Check<'_> {
    /// Uniform in [0, 1).
    fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 40) as f32 / (1 << 24) as f32
    }

    /// Uniform in [low, high), as the device's dtype `dtype` has it.
    fn numbers(&mut self, shape: &[usize], low: f32, high: f32, dtype: DType) -> Result<Pair> {
        let numbers = (0..shape.iter().product()).map(|_| low + (high - low) * self.random()).collect::<Vec<f32>>();
        let rounded = Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(dtype)?;
        Ok((rounded.to_dtype(DType::F32)?, rounded.to_device(self.device)?))
    }

    fn activations(&mut self, shape: &[usize]) -> Result<Pair> {
        self.numbers(shape, -2.0, 2.0, self.dtype)
    }

    fn counts(&self, counts: Vec<u32>, shape: &[usize]) -> Result<Pair> {
        let here = Tensor::from_vec(counts, shape, &Device::Cpu)?;
        Ok((here.clone(), here.to_device(self.device)?))
    }

    fn expect(&mut self, name: &str, shape: &[usize], right: &Tensor, got: &Tensor) -> Result<()> {
        let numbers = |t: &Tensor| t.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        let (right, got) = (numbers(right)?, numbers(got)?);
        let square = |x: f64| x * x;
        let off = right.iter().zip(&got).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum::<f64>();
        let size = right.iter().map(|&a| square(f64::from(a))).sum::<f64>();
        let error = (off / size.max(f64::MIN_POSITIVE)).sqrt();
        let sound = right.len() == got.len() && error.is_finite();
        let label = format!("{name} {shape:?} {}", self.dtype.as_str());
        self.errors.push((label, if sound { error } else { f64::INFINITY }));
        Ok(())
    }

    fn rows(&mut self, n: usize, d: usize) -> Result<()> {
        let shape = &[n, d];
        let (x, y) = (self.activations(shape)?, self.activations(shape)?);
        let (carry, weight) = (self.activations(shape)?, self.numbers(&[d], 0.5, 1.5, self.dtype)?);
        let eps = 1e-5;
        self.expect(
            "rms_norm",
            shape,
            &super::rms_norm(&x.0, &weight.0, eps)?,
            &super::rms_norm(&x.1, &weight.1, eps)?,
        )?;
        for with in [false, true] {
            let (dx, dw) = super::rms_norm_backward(&x.0, &weight.0, &y.0, with.then_some(&carry.0), eps)?;
            let (dx1, dw1) = super::rms_norm_backward(&x.1, &weight.1, &y.1, with.then_some(&carry.1), eps)?;
            self.expect("rms_norm_backward dx", shape, &dx, &dx1)?;
            self.expect("rms_norm_backward dweight", shape, &dw, &dw1)?;
        }

        let u = self.numbers(&[n, 2 * d], -4.0, 4.0, self.dtype)?;
        self.expect("swiglu", shape, &super::swiglu(&u.0)?, &super::swiglu(&u.1)?)?;
        let (right, got) = (super::swiglu_backward(&u.0, &y.0)?, super::swiglu_backward(&u.1, &y.1)?);
        self.expect("swiglu_backward", shape, &right, &got)?;

        let vocab = 31;
        let ids = (0..n).map(|_| (self.random() * vocab as f32) as u32).collect();
        let ids = self.counts(ids, &[n])?;
        let table = self.activations(&[vocab, d])?;
        self.expect("embed", shape, &super::embed(&ids.0, &table.0)?, &super::embed(&ids.1, &table.1)?)?;
        let right = super::embed_backward(&ids.0, &y.0, vocab, 3)?;
        self.expect("embed_backward", shape, &right, &super::embed_backward(&ids.1, &y.1, vocab, 3)?)?;

        self.expect("column_sum", shape, &super::column_sum(&x.0)?, &super::column_sum(&x.1)?)?;
        let last = n as u32;
        let spans = self.counts(vec![0, 1, 1, 3, last - 2, last], &[3, 2])?;
        self.expect("span_mean", shape, &super::span_mean(&x.0, &spans.0)?, &super::span_mean(&x.1, &spans.1)?)?;
        let dout = self.numbers(&[3, d], -1.0, 1.0, DType::F32)?;
        let right = super::span_mean_backward(&dout.0, &spans.0, &x.0)?;
        self.expect("span_mean_backward", shape, &right, &super::span_mean_backward(&dout.1, &spans.1, &x.1)?)?;

        // A view that begins in the middle of a buffer, as a chunk of a batch does.
        let view = (x.0.narrow(0, 1, n - 1)?, x.1.narrow(0, 1, n - 1)?);
        let right = super::rms_norm(&view.0, &weight.0, eps)?;
        self.expect("rms_norm of a view", shape, &right, &super::rms_norm(&view.1, &weight.1, eps)?)
    }

    fn attention(&mut self, batch: usize, seq: usize, heads: usize, width: usize) -> Result<()> {
        let (shape, d) = (&[batch, seq, heads, width], heads * width);
        let qkv = self.activations(&[batch * seq, 3 * d])?;
        let dout = self.activations(&[batch * seq, d])?;
        let lengths = (0..batch).map(|i| (seq - i * (seq - 1) / batch) as u32).collect();
        let lengths = self.counts(lengths, &[batch])?;
        let angles = (0..seq + 2).flat_map(|p| (0..width / 2).map(move |i| (p as f32) * 0.3f32.powi(i as i32)));
        let angles = angles.flat_map(|a| [a.cos(), a.sin()]).collect::<Vec<f32>>();
        let table = Tensor::from_vec(angles, (seq + 2, width / 2, 2), &Device::Cpu)?;
        let table = (table.clone(), table.to_device(self.device)?);

        let factors = Factors::Whole;
        let here = Padded { rotary: &table.0, lengths: &lengths.0, seq, heads, factors };
        let there = Padded { rotary: &table.1, lengths: &lengths.1, ..here };
        let (right, saved) = super::attention(&qkv.0, &here)?;
        let (got, saved1) = super::attention(&qkv.1, &there)?;
        self.expect("attention", shape, &right, &got)?;
        let right = super::attention_backward(&qkv.0, &saved, &dout.0, &here)?;
        let got = super::attention_backward(&qkv.1, &saved1, &dout.1, &there)?;
        self.expect("attention_backward", shape, &right, &got)
    }

    fn loss(&mut self, rows: usize, vocab: usize) -> Result<()> {
        let shape = &[rows, vocab];
        let logits = self.numbers(shape, -8.0, 8.0, self.dtype)?;
        let bias = self.numbers(&[vocab], -1.0, 1.0, DType::F32)?;
        let labels = (0..rows).map(|_| (self.random() * vocab as f32) as u32).collect();
        let labels = self.counts(labels, &[rows])?;
        let (loss, _, grad) = super::cross_entropy(&logits.0, &bias.0, &labels.0, 0.25)?;
        let (loss1, _, grad1) = super::cross_entropy(&logits.1, &bias.1, &labels.1, 0.25)?;
        self.expect("cross_entropy losses", shape, &loss, &loss1)?;
        self.expect("cross_entropy gradient", shape, &grad, &grad1)?;

        // The labels every row ranks first, and one it does not.
        let biased = logits.0.broadcast_add(&bias.0)?;
        let mut first = biased.argmax(1)?.to_vec1::<u32>()?;
        if let Some(label) = first.first_mut() {
            *label = (*label + 1) % vocab as u32;
        }
        let labels = self.counts(first, &[rows])?;
        let (_, hits, _) = super::cross_entropy(&logits.0, &bias.0, &labels.0, 0.25)?;
        let (_, hits1, _) = super::cross_entropy(&logits.1, &bias.1, &labels.1, 0.25)?;
        self.expect("cross_entropy hits", shape, &hits, &hits1)
    }

    fn flat(&mut self, count: usize) -> Result<()> {
        let shape = &[count];
        let x = self.activations(shape)?;
        let sum = self.numbers(shape, -1.0, 1.0, DType::F32)?;
        super::accumulate(&sum.0, &x.0, 0.5)?;
        super::accumulate(&sum.1, &x.1, 0.5)?;
        self.expect("accumulate", shape, &sum.0, &sum.1)?;
        let into = self.activations(shape)?;
        super::cast_into(&into.0, &sum.0)?;
        super::cast_into(&into.1, &sum.1)?;
        self.expect("cast_into", shape, &into.0, &into.1)?;
        self.expect("square_sum", shape, &super::square_sum(&sum.0)?, &super::square_sum(&sum.1)?)?;

        let state = self.numbers(&[3, count], 0.1, 1.0, DType::F32)?;
        let step = AdamwStep {
            lr: 1e-2,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            correction1: 0.19,
            correction2: 0.0975,
            grad_scale: 0.5,
        };
        super::adamw(&state.0, &sum.0, &step)?;
        super::adamw(&state.1, &sum.1, &step)?;
        self.expect("adamw", shape, &state.0, &state.1)
    }
}
