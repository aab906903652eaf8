//! Models of random weights: for measuring how fast a shape is, and for tests. What they say about a text means nothing.

use std::borrow::Cow;

use half::bf16;
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use crate::config::NeoBertConfig;
use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// The tokens of their tokenizer; an unknown word is `[UNK]`.
const TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

impl ModelFiles {
    /// A NeoBERT of this shape with random weights in bf16, without a language-model head, of the size that keeps states from growing or
    /// fading. The same shape and `seed` give the same model. Its tokenizer knows no words.
    ///
    /// # Errors
    /// [`Error::Config`] where the shape cannot be.
    pub fn random(config: &NeoBertConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        let (hidden, inner) = (config.hidden_size, config.inner_size());
        let mut shapes = vec![
            ("encoder.weight".to_owned(), vec![config.vocab_size, hidden]),
            ("layer_norm.weight".to_owned(), vec![hidden]),
        ];
        for layer in 0..config.num_hidden_layers {
            let tensors = [
                ("qkv", vec![3 * hidden, hidden]),
                ("wo", vec![hidden, hidden]),
                ("ffn.w12", vec![2 * inner, hidden]),
                ("ffn.w3", vec![hidden, inner]),
                ("attention_norm", vec![hidden]),
                ("ffn_norm", vec![hidden]),
            ];
            let named = |(name, shape)| (format!("transformer_encoder.{layer}.{name}.weight"), shape);
            shapes.extend(tensors.map(named));
        }
        let mut numbers = Numbers(seed ^ 0x9e37_79b9_7f4a_7c15);
        let stored: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
            .into_iter()
            .map(|(name, shape)| {
                let (middle, width) = match shape.as_slice() {
                    &[_, width] => (0.0, (3.0 / width as f32).sqrt()),
                    _ => (1.0, 0.5),
                };
                let count: usize = shape.iter().product();
                let bytes = (0..count).flat_map(|_| bf16::from_f32(middle + width * numbers.next()).to_le_bytes());
                (name, shape, bytes.collect())
            })
            .collect();
        let damaged = |source| Error::DamagedWeights { source };
        let views = stored.iter().map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::BF16, shape.clone(), bytes).map_err(damaged)?))
        });
        let weights = serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(damaged)?;
        let json = |source| Error::InvalidJson { file: "config.json".to_owned(), source };
        let config_json = serde_json::to_vec(config).map_err(json)?;
        let name = format!("{}x{hidden}", config.num_hidden_layers);
        Ok(Self::new(name, config_json, Cow::Owned(tokenizer().to_string().into_bytes()), weights))
    }
}

fn tokenizer() -> serde_json::Value {
    let special = |(id, content): (usize, &&str)| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    let vocabulary: serde_json::Map<_, _> =
        TOKENS.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect();
    json!({
        "version": "1.0",
        "added_tokens": TOKENS.iter().enumerate().map(special).collect::<Vec<_>>(),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece",
            "vocab": vocabulary,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    })
}

/// Xorshift: nothing here needs better.
struct Numbers(u64);

impl Numbers {
    /// -1 to 1.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
