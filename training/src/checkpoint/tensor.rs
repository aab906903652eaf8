//! The tensors of a NeoBERT by name and shape.

use neodex_encoder::NeoBertConfig;

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
pub fn model_tensors(config: &NeoBertConfig, decoder: bool) -> Vec<TensorSpec> {
    let (hidden, inner, vocab) = (config.hidden_size, config.inner_size(), config.vocab_size);
    let mut all = vec![TensorSpec::new("encoder.weight", [vocab, hidden])];
    for layer in 0..config.num_hidden_layers {
        let at = |name: &str| format!("transformer_encoder.{layer}.{name}.weight");
        all.extend([
            TensorSpec::new(at("attention_norm"), [hidden]),
            TensorSpec::new(at("qkv"), [3 * hidden, hidden]),
            TensorSpec::new(at("wo"), [hidden, hidden]),
            TensorSpec::new(at("ffn_norm"), [hidden]),
            TensorSpec::new(at("ffn.w12"), [2 * inner, hidden]),
            TensorSpec::new(at("ffn.w3"), [hidden, inner]),
        ]);
    }
    all.push(TensorSpec::new("layer_norm.weight", [hidden]));
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
        let with_head = model_tensors(&config, true);
        assert_eq!(with_head.len(), 172);
        assert_eq!(with_head.iter().map(TensorSpec::count).sum::<usize>(), 245_136_954);
        let encoder: usize = model_tensors(&config, false).iter().map(TensorSpec::count).sum();
        assert_eq!(encoder, config.parameters());
    }
}
