//! One block forwards and backwards.

use candle_core::{Result, Tensor};

use super::attention::{attention, attention_backward};
use super::batch::Batch;
use super::linear::{linear, linear_backward, linear_plus};
use super::norm::Norm;
use super::parameter::Parameter;
use super::variant::Activation;
use crate::op::{self, Factors};

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
    pub(super) attention_norm: Norm,
    pub(super) qkv: Parameter,
    pub(super) wo: Parameter,
    pub(super) ffn_norm: Norm,
    /// Into the feed-forward part, and out of it.
    pub(super) up: Parameter,
    pub(super) down: Parameter,
}

/// What all blocks share.
pub(super) struct Shape<'a> {
    pub(super) heads: usize,
    pub(super) eps: f32,
    pub(super) activation: Activation,
    /// `(positions, w / 2, 2)`, cosine and sine.
    pub(super) rotary: &'a Tensor,
    pub(super) factors: Factors,
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
        let y = linear_plus(&products.x2, &gated, &self.down)?;
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
        let gated = shape.activate(&u)?;
        let dgated = linear_backward(&gated, &self.down, dy)?;
        drop(gated);
        let du = shape.activate_backward(&u, &dgated)?;
        drop((u, dgated));
        let normed = self.ffn_norm.forward(&x2, shape.eps)?;
        let dnormed = linear_backward(&normed, &self.up, &du)?;
        drop((normed, du));
        let dx2 = self.ffn_norm.backward(&x2, &dnormed, Some(dy), shape.eps)?;
        drop((x2, dnormed));

        let dmixed = linear_backward(&mixed, &self.wo, &dx2)?;
        let dqkv = attention_backward(&qkv, &attention, &dmixed, batch, shape)?;
        drop((qkv, attention, mixed, dmixed));
        let normed = self.attention_norm.forward(&x, shape.eps)?;
        let dnormed = linear_backward(&normed, &self.qkv, &dqkv)?;
        self.attention_norm.backward(&x, &dnormed, Some(&dx2), shape.eps)
    }

    /// Everything up to the gate, whose output comes beside it.
    fn products(&self, x: &Tensor, batch: &Batch, shape: &Shape<'_>) -> Result<(Products, Tensor)> {
        let qkv = linear(&self.attention_norm.forward(x, shape.eps)?, &self.qkv)?;
        let (mixed, attention) = attention(&qkv, batch, shape)?;
        let x2 = linear_plus(x, &mixed, &self.wo)?;
        let u = linear(&self.ffn_norm.forward(&x2, shape.eps)?, &self.up)?;
        let gated = shape.activate(&u)?;
        Ok((Products { qkv, attention, mixed, x2, u }, gated))
    }

    pub(super) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        let products = [&mut self.qkv, &mut self.wo, &mut self.up, &mut self.down];
        products.into_iter().chain(self.attention_norm.parameters_mut()).chain(self.ffn_norm.parameters_mut())
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let products = [&self.qkv, &self.wo, &self.up, &self.down];
        products.into_iter().chain(self.attention_norm.parameters()).chain(self.ffn_norm.parameters())
    }
}

impl Shape<'_> {
    /// What is between the products of the feed-forward part.
    fn activate(&self, u: &Tensor) -> Result<Tensor> {
        match self.activation {
            Activation::Swiglu => op::swiglu(u),
            Activation::Gelu => op::gelu(u),
        }
    }

    fn activate_backward(&self, u: &Tensor, dy: &Tensor) -> Result<Tensor> {
        match self.activation {
            Activation::Swiglu => op::swiglu_backward(u, dy),
            Activation::Gelu => op::gelu_backward(u, dy),
        }
    }
}
