//! A model of any shape before its training: what is measured where only speed and arithmetic are asked for.

use safetensors::tensor::{Dtype, TensorView};

use crate::architecture::Architecture;
use crate::config::NeoBertConfig;
use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// The reference's `decoder_init_range`.
const SPREAD: f32 = 0.02;
/// Knows no word, and opens and closes a sequence as every model does.
const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
"added_tokens":[{"id":1,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
{"id":2,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},
{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},
{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[1],"tokens":["[CLS]"]},
"[SEP]":{"id":"[SEP]","ids":[2],"tokens":["[SEP]"]}}},"decoder":null,
"model":{"type":"WordLevel","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2},"unk_token":"[UNK]"}}"#;

impl ModelFiles {
    /// A model of this shape as its training would start, in f32: matrices evenly spread from -0.02 to 0.02, norms 1. The same shape gives
    /// the same model.
    ///
    /// # Errors
    /// [`Error::Config`] for a shape that cannot be.
    pub fn untrained(config: &NeoBertConfig) -> Result<Self> {
        config.validate()?;
        let json = serde_json::to_vec(config)
            .map_err(|source| Error::InvalidJson { file: "config.json".to_owned(), source })?;
        Self::untrained_as(&json)
    }

    /// A model of any family as its training would start, by the bytes of its `config.json`.
    ///
    /// # Errors
    /// Those of reading a `config.json`.
    pub(crate) fn untrained_as(config: &[u8]) -> Result<Self> {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Architecture::from_json(config)?
            .tensors()
            .into_iter()
            .map(|(name, shape)| {
                let numbers = shape.iter().product();
                let bytes = match shape.as_slice() {
                    [_, _] => random.bytes(numbers, SPREAD),
                    _ if name.ends_with(".bias") => 0.0_f32.to_le_bytes().repeat(numbers),
                    _ => 1.0_f32.to_le_bytes().repeat(numbers),
                };
                (name, shape, bytes)
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            view.map(|view| (name, view)).map_err(|source| Error::DamagedWeights { source })
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let weights = safetensors::serialize(views, None).map_err(|source| Error::DamagedWeights { source })?;
        Ok(Self::new("untrained", config.to_vec(), TOKENIZER.as_bytes(), weights))
    }
}

/// xorshift64 (Marsaglia 2003).
struct Random(u64);

impl Random {
    /// So many numbers in f32, evenly spread to either side of 0.
    fn bytes(&mut self, numbers: usize, spread: f32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 * numbers);
        for _ in 0..numbers {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let even = (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
            bytes.extend((spread * even).to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::{Encoder, Options, Role};

    #[test]
    fn an_untrained_model_embeds() {
        let config = NeoBertConfig {
            hidden_size: 128,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 512,
            vocab_size: 300,
            max_length: 64,
            ..NeoBertConfig::default()
        };
        let encoder = Encoder::from_files(&ModelFiles::untrained(&config).unwrap(), &Options::default()).unwrap();
        let vectors = encoder.embed(&["some words", ""], Role::Query).unwrap();
        assert_eq!(vectors[0].len(), 128);
        let means = encoder.means(&[vec![5, 299, 7], vec![8]]).unwrap();
        assert!(means.iter().flatten().all(|x| x.is_finite()) && means[0] != means[1]);
    }
}
