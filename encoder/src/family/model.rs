//! The forward pass of all families, over packed sequences: a stream in f32, products in the precision asked for.

use candle_core::{DType, Device, Tensor};

use super::config::{Activation, Family, Positions};
use super::names::{Linear, Norm};
use crate::error::Result;
use crate::gpu::flash;
use crate::packed::{Inputs, PackedModel, op};
use crate::weights::Weights;

/// A model whose weights are of one number type.
pub(crate) struct PackedFamily {
    /// `(vocab, hidden)` in f32: it starts the stream. The first row of the token types is in it.
    embedding: Tensor,
    /// `(max_length, hidden)` in f32.
    positions: Option<Tensor>,
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    last_norm: Option<LayerNorm>,
    norm_first: bool,
    activation: Activation,
    gated: bool,
    heads: usize,
    head_dim: usize,
    dtype: DType,
}

struct Layer {
    /// Rows ordered by head, and within a head query, key, value; where positions are rotary, the components of queries and keys that
    /// turn together stand side by side.
    qkv: Product,
    attention_output: Product,
    attention_norm: Option<LayerNorm>,
    ffn_input: Product,
    ffn_output: Product,
    ffn_norm: LayerNorm,
    /// `(max_length, head_dim)` in f32: cosine and sine of each pair of components.
    table: Option<Tensor>,
    /// Tokens to either side that a token sees.
    window: Option<usize>,
}

struct LayerNorm {
    /// `(hidden,)`, both in f32.
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

struct Product {
    /// `(width, columns)`
    weight: Tensor,
    /// `(width,)`
    bias: Option<Tensor>,
}

impl PackedFamily {
    /// Builds the model that `family` describes out of `weights`, on `device`, its products in `dtype`.
    pub(crate) fn load(weights: &Weights<'_>, family: &Family, dtype: DType, device: &Device) -> Result<Self> {
        let load = Loader { weights, family, dtype, device };
        let mut tables: Vec<(f32, Tensor)> = Vec::new();
        let mut layers = Vec::with_capacity(family.num_hidden_layers);
        for index in 0..family.num_hidden_layers {
            let names = family.layer(index);
            let reach = family.reach(index);
            let table = match reach {
                None => None,
                Some(reach) => Some(match tables.iter().find(|(theta, _)| *theta == reach.theta) {
                    Some((_, table)) => table.clone(),
                    None => {
                        let made = op::table(family.max_length, family.head_dim(), reach.theta, device)?;
                        tables.push((reach.theta, made.clone()));
                        made
                    }
                }),
            };
            layers.push(Layer {
                qkv: load.qkv(&names.qkv)?,
                attention_output: load.product(std::slice::from_ref(&names.attention_output))?,
                attention_norm: names.attention_norm.as_ref().map(|norm| load.norm(norm)).transpose()?,
                ffn_input: load.product(&names.ffn_input)?,
                ffn_output: load.product(std::slice::from_ref(&names.ffn_output))?,
                ffn_norm: load.norm(&names.ffn_norm)?,
                table,
                window: reach.and_then(|reach| reach.window),
            });
        }
        Ok(Self {
            embedding: load.embedding()?,
            positions: load.positions()?,
            embedding_norm: load.norm(&family.embedding_norm())?,
            layers,
            last_norm: family.last_norm().map(|norm| load.norm(&norm)).transpose()?,
            norm_first: family.norm_first,
            activation: family.activation,
            gated: family.gated,
            heads: family.num_attention_heads,
            head_dim: family.head_dim(),
            dtype,
        })
    }

    fn attend(&self, layer: &Layer, normed: &Tensor, inputs: &Inputs) -> Result<Tensor> {
        let mut qkv = layer.qkv.of(normed)?;
        if let Some(table) = &layer.table {
            qkv = op::rotate(qkv, table, &inputs.positions, self.heads)?;
        }
        let mixed = match (&inputs.buckets, layer.window) {
            (Some(buckets), window) if window.is_some() || !self.flash() => buckets.attend(&qkv, self.heads, window)?,
            _ => flash::attend(&qkv, &inputs.bounds, inputs.longest, self.heads)?,
        };
        layer.attention_output.of(&mixed)
    }

    fn feed(&self, layer: &Layer, normed: &Tensor) -> Result<Tensor> {
        let wide = layer.ffn_input.of(normed)?;
        layer.ffn_output.of(&op::activate(&wide, self.activation, self.gated)?)
    }

    fn flash(&self) -> bool {
        self.embedding.device().is_cuda() && flash::takes(self.head_dim, self.dtype)
    }

    fn narrow(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.to_dtype(self.dtype)?)
    }
}

impl PackedModel for PackedFamily {
    fn forward(&self, inputs: &Inputs) -> Result<Tensor> {
        let mut stream = self.embedding.index_select(&inputs.ids, 0)?;
        if let Some(positions) = &self.positions {
            stream = (stream + positions.index_select(&inputs.positions, 0)?)?;
        }
        stream = self.embedding_norm.of(&stream)?;
        for layer in &self.layers {
            if self.norm_first {
                let normed =
                    layer.attention_norm.as_ref().map_or_else(|| Ok(stream.clone()), |norm| norm.of(&stream))?;
                stream = add(stream, &self.attend(layer, &self.narrow(&normed)?, inputs)?)?;
                let normed = layer.ffn_norm.of(&stream)?;
                stream = add(stream, &self.feed(layer, &self.narrow(&normed)?)?)?;
            } else {
                let attended = self.attend(layer, &self.narrow(&stream)?, inputs)?;
                stream = add(stream, &attended)?;
                if let Some(norm) = &layer.attention_norm {
                    stream = norm.of(&stream)?;
                }
                let fed = self.feed(layer, &self.narrow(&stream)?)?;
                stream = layer.ffn_norm.of(&add(stream, &fed)?)?;
            }
        }
        match &self.last_norm {
            Some(norm) => norm.of(&stream),
            None => Ok(stream),
        }
    }

    fn needs_buckets(&self) -> bool {
        !self.flash() || self.layers.iter().any(|layer| layer.window.is_some())
    }
}

fn add(stream: Tensor, addend: &Tensor) -> Result<Tensor> {
    Ok((stream + addend.to_dtype(DType::F32)?)?)
}

impl LayerNorm {
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        Ok(candle_nn::ops::layer_norm(x, &self.weight, &self.bias, self.eps)?)
    }
}

impl Product {
    /// Of `x` `(rows, columns)`: `(rows, width)`.
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        let product = x.matmul(&self.weight.t()?)?;
        Ok(match &self.bias {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        })
    }
}

/// Tensors by the family's names.
struct Loader<'a> {
    weights: &'a Weights<'a>,
    family: &'a Family,
    dtype: DType,
    device: &'a Device,
}

impl Loader<'_> {
    fn embedding(&self) -> Result<Tensor> {
        let words = self.table(&self.family.embedding())?;
        match self.family.type_embedding() {
            // Every token of a text is of the first type.
            Some(types) => Ok(words.broadcast_add(&self.table(&types)?.narrow(0, 0, 1)?)?),
            None => Ok(words),
        }
    }

    fn positions(&self) -> Result<Option<Tensor>> {
        let Some(linear) = self.family.position_embedding() else { return Ok(None) };
        let Positions::Learned { first, .. } = self.family.positions else { return Ok(None) };
        Ok(Some(self.table(&linear)?.narrow(0, first, self.family.max_length)?.contiguous()?))
    }

    fn table(&self, table: &Linear) -> Result<Tensor> {
        self.weights.tensor(&format!("{}.weight", table.name), &[table.rows, table.width], self.device)
    }

    fn norm(&self, norm: &Norm) -> Result<LayerNorm> {
        let hidden = self.family.hidden_size;
        let weight = self.weights.tensor(&format!("{}.weight", norm.name), &[hidden], self.device)?;
        let bias = match norm.bias {
            true => self.weights.tensor(&format!("{}.bias", norm.name), &[hidden], self.device)?,
            false => weight.zeros_like()?,
        };
        Ok(LayerNorm { weight, bias, eps: self.family.norm_eps as f32 })
    }

    /// Matrices one below the other, as one.
    fn product(&self, parts: &[Linear]) -> Result<Product> {
        let matrix = |part: &Linear| self.table(part);
        let weight = Tensor::cat(&parts.iter().map(matrix).collect::<Result<Vec<_>>>()?, 0)?;
        let bias = |part: &Linear| self.weights.tensor(&format!("{}.bias", part.name), &[part.rows], self.device);
        let bias = match parts.iter().all(|part| part.bias) {
            true => Some(Tensor::cat(&parts.iter().map(bias).collect::<Result<Vec<_>>>()?, 0)?.to_dtype(self.dtype)?),
            false => None,
        };
        Ok(Product { weight: weight.to_dtype(self.dtype)?, bias })
    }

    fn qkv(&self, parts: &[Linear]) -> Result<Product> {
        let Product { weight, bias } = self.product(parts)?;
        let (hidden, head) = (self.family.hidden_size, self.family.head_dim());
        let rotary = matches!(self.family.positions, Positions::Rotary(_));
        let order: Vec<u32> = (0..3 * hidden).map(|at| by_head(at, hidden, head, rotary) as u32).collect();
        let order = Tensor::from_vec(order, 3 * hidden, self.device)?;
        let bias = bias.map(|bias| bias.index_select(&order, 0)).transpose()?;
        Ok(Product { weight: weight.index_select(&order, 0)?, bias })
    }
}

/// Which row of queries, keys and values one below the other goes to row `at` of the order by head. These families turn a component with
/// the one half a head away; side by side, the pairs turn as NeoBERT's do, and dot products do not mind the order.
fn by_head(at: usize, hidden: usize, head: usize, rotary: bool) -> usize {
    let (of_head, part, component) = (at / (3 * head), at / head % 3, at % head);
    let component = match rotary && part < 2 {
        true => component / 2 + component % 2 * (head / 2),
        false => component,
    };
    part * hidden + of_head * head + component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_by_head_and_pairs_side_by_side() {
        let order = |rotary| (0..24).map(|at| by_head(at, 8, 4, rotary)).collect::<Vec<_>>();
        assert_eq!(order(false)[..14], [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 4, 5]);
        assert_eq!(order(true)[..14], [0, 2, 1, 3, 8, 10, 9, 11, 16, 17, 18, 19, 4, 6]);
        let mut all = order(true);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..24));
    }
}
