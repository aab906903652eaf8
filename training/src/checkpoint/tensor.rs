//! The tensors of a NeoBERT by name and shape.

use neodex_encoder::NeoBertConfig;

use crate::model::{Activation, NormKind, Positions, Variant};

/// A tensor's name and shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// As in the file.
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// A tensor `name` of `shape`.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), shape: shape.into() }
    }

    /// Elements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The tensors of the encoder, and of the language-model head if `decoder`, in the order of a forward pass. Names are those of a
/// checkpoint without the prefix `model.`.
#[must_use]
pub fn model_tensors(config: &NeoBertConfig, variant: Variant, decoder: bool) -> Vec<TensorSpec> {
    let (hidden, inner, vocab) = (config.hidden_size, config.inner_size(), config.vocab_size);
    let norm = |name: String| {
        let bias = (variant.norm == NormKind::Layer).then(|| TensorSpec::new(format!("{name}.bias"), [hidden]));
        [TensorSpec::new(format!("{name}.weight"), [hidden])].into_iter().chain(bias)
    };
    let wide = config.intermediate_size;
    let mut all = vec![TensorSpec::new("encoder.weight", [vocab, hidden])];
    if variant.positions == Positions::Learned {
        all.push(TensorSpec::new("position_embedding.weight", [config.max_length, hidden]));
    }
    for layer in 0..config.num_hidden_layers {
        let at = |name: &str| format!("transformer_encoder.{layer}.{name}");
        let matrix = |name: &str, shape: [usize; 2]| TensorSpec::new(format!("{}.weight", at(name)), shape);
        all.extend(norm(at("attention_norm")));
        all.extend([matrix("qkv", [3 * hidden, hidden]), matrix("wo", [hidden, hidden])]);
        all.extend(norm(at("ffn_norm")));
        all.extend(match variant.activation {
            Activation::Swiglu => [matrix("ffn.w12", [2 * inner, hidden]), matrix("ffn.w3", [hidden, inner])],
            Activation::Gelu => [matrix("ffn.w1", [wide, hidden]), matrix("ffn.w2", [hidden, wide])],
        });
    }
    all.extend(norm("layer_norm".to_owned()));
    if decoder {
        all.push(TensorSpec::new("decoder.weight", [vocab, hidden]));
        all.push(TensorSpec::new("decoder.bias", [vocab]));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_released_model_has_172_tensors_and_245_million_parameters() {
        let config = NeoBertConfig::default();
        let with_head = model_tensors(&config, Variant::default(), true);
        assert_eq!(with_head.len(), 172);
        assert_eq!(with_head.iter().map(TensorSpec::count).sum::<usize>(), 245_136_954);
        let encoder: usize = model_tensors(&config, Variant::default(), false).iter().map(TensorSpec::count).sum();
        assert_eq!(encoder, config.parameters());
    }
}
