//! One block forwards and backwards.

use candle_core::{Result, Tensor};

use super::batch::Batch;
use super::linear::{linear, linear_backward};
use super::norm::{norm, norm_backward};
use super::parameter::Parameter;
use crate::op;

/// How much of the forward pass stays in memory for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What the products need; norms and gates are computed again.
    Products,
    /// The input of each block only; the block is computed again whole.
    Inputs,
    /// Nothing: there will be no backward pass.
    Nothing,
}

/// What a block remembers.
#[derive(Debug)]
pub struct Saved {
    /// The stream `(n, d)` as it came in.
    x: Tensor,
    products: Option<Products>,
}

#[derive(Debug)]
struct Products {
    qkv: Tensor,
    attention: Vec<Tensor>,
    mixed: Tensor,
    /// The stream between attention and feed-forward.
    x2: Tensor,
    u: Tensor,
}

/// The weights of a block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) attention_norm: Parameter,
    pub(super) qkv: Parameter,
    pub(super) wo: Parameter,
    pub(super) ffn_norm: Parameter,
    pub(super) w12: Parameter,
    pub(super) w3: Parameter,
}

/// What all blocks share.
pub(super) struct Shape<'a> {
    pub(super) heads: usize,
    pub(super) eps: f32,
    /// `(positions, w / 2, 2)`, cosine and sine.
    pub(super) rotary: &'a Tensor,
}

impl Block {
    /// The stream after the block.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        batch: &Batch,
        shape: &Shape<'_>,
        keep: Keep,
    ) -> Result<(Tensor, Option<Saved>)> {
        let (products, gated) = self.products(x, batch, shape)?;
        let y = (&products.x2 + linear(&gated, &self.w3)?)?;
        let saved = match keep {
            Keep::Nothing => None,
            Keep::Inputs => Some(Saved { x: x.clone(), products: None }),
            Keep::Products => Some(Saved { x: x.clone(), products: Some(products) }),
        };
        Ok((y, saved))
    }

    /// The gradient of the stream before the block, from that after it.
    pub(super) fn backward(&self, saved: Saved, dy: &Tensor, batch: &Batch, shape: &Shape<'_>) -> Result<Tensor> {
        let Saved { x, products } = saved;
        let Products { qkv, attention, mixed, x2, u } = match products {
            Some(products) => products,
            None => self.products(&x, batch, shape)?.0,
        };
        let gated = op::swiglu(&u)?;
        let dgated = linear_backward(&gated, &self.w3, dy)?;
        drop(gated);
        let du = op::swiglu_backward(&u, &dgated)?;
        drop((u, dgated));
        let normed = norm(&x2, &self.ffn_norm, shape.eps)?;
        let dnormed = linear_backward(&normed, &self.w12, &du)?;
        drop((normed, du));
        let dx2 = norm_backward(&x2, &self.ffn_norm, &dnormed, Some(dy), shape.eps)?;
        drop((x2, dnormed));

        let dmixed = linear_backward(&mixed, &self.wo, &dx2)?;
        let (lengths, rotary) = (&batch.lengths, shape.rotary);
        let dqkv = op::attention_backward(&qkv, &attention, &dmixed, rotary, lengths, batch.seq, shape.heads)?;
        drop((qkv, attention, mixed, dmixed));
        let normed = norm(&x, &self.attention_norm, shape.eps)?;
        let dnormed = linear_backward(&normed, &self.qkv, &dqkv)?;
        norm_backward(&x, &self.attention_norm, &dnormed, Some(&dx2), shape.eps)
    }

    /// Everything up to the gate, whose output comes beside it.
    fn products(&self, x: &Tensor, batch: &Batch, shape: &Shape<'_>) -> Result<(Products, Tensor)> {
        let qkv = linear(&norm(x, &self.attention_norm, shape.eps)?, &self.qkv)?;
        let (mixed, attention) = op::attention(&qkv, shape.rotary, &batch.lengths, batch.seq, shape.heads)?;
        let x2 = (x + linear(&mixed, &self.wo)?)?;
        let u = linear(&norm(&x2, &self.ffn_norm, shape.eps)?, &self.w12)?;
        let gated = op::swiglu(&u)?;
        Ok((Products { qkv, attention, mixed, x2, u }, gated))
    }

    pub(super) fn parameters_mut(&mut self) -> [&mut Parameter; 6] {
        [&mut self.qkv, &mut self.wo, &mut self.w12, &mut self.w3, &mut self.attention_norm, &mut self.ffn_norm]
    }

    pub(super) fn parameters(&self) -> [&Parameter; 6] {
        [&self.qkv, &self.wo, &self.w12, &self.w3, &self.attention_norm, &self.ffn_norm]
    }
}
