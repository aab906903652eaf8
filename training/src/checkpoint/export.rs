//! The finished model: a folder that the encoder, transformers and sentence-transformers load.

use std::fs;
use std::path::Path;

use neodex_encoder::NeoBertConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tensor::{TensorSpec, model_tensors};
use super::{config, disk, tokenizer, writer};
use crate::error::{Error, Result};
use crate::model::Variant;

/// How weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 4 bytes, exact.
    #[default]
    F32,
    /// 2 bytes, 11 bits of precision.
    F16,
    /// 2 bytes, 8 bits of precision, the range of f32.
    Bf16,
}

impl WeightFormat {
    pub(super) fn bytes(self) -> usize {
        if self == Self::F32 { 4 } else { 2 }
    }

    pub(super) fn dtype(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    pub(super) fn torch_dtype(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }
}

/// A model to be written.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// Its shape.
    pub config: &'a NeoBertConfig,
    /// Its parts that need not be NeoBERT's. With others the folder is for the trainer alone, and says so.
    pub variant: Variant,
    /// The bytes of its `tokenizer.json`.
    pub tokenizer: &'a [u8],
    /// How its weights are stored.
    pub format: WeightFormat,
    /// Whether the language-model head is kept, for more pretraining and for filling masks.
    pub decoder: bool,
    /// Put before queries.
    pub query_prefix: &'a str,
    /// Put before documents.
    pub document_prefix: &'a str,
    /// Dimensions a vector may be cut to.
    pub matryoshka: &'a [usize],
    /// Longest text in tokens, special tokens included.
    pub max_seq_length: usize,
}

impl<'a> Export<'a> {
    /// A model without head and prompts, in f32, that takes its full length.
    #[must_use]
    pub fn new(config: &'a NeoBertConfig, tokenizer: &'a [u8]) -> Self {
        Self {
            config,
            variant: Variant::default(),
            tokenizer,
            format: WeightFormat::F32,
            decoder: false,
            query_prefix: "",
            document_prefix: "",
            matryoshka: &[],
            max_seq_length: config.max_length,
        }
    }

    /// Writes the model's folder `to`, all of it or nothing; what was there is replaced. `values` is asked for each tensor of
    /// [`model_tensors`] once, by its name there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Tokenizer`] where the tokenizer is no JSON; whatever `values` fails with.
    pub fn write(&self, to: &Path, mut values: impl FnMut(&TensorSpec) -> Result<Vec<f32>>) -> Result<()> {
        let parsed: Value = serde_json::from_slice(self.tokenizer)
            .map_err(|error| Error::Tokenizer { reason: format!("tokenizer.json is not valid: {error}") })?;
        let partial = to.with_file_name(format!(".{}.partial", to.file_name().unwrap_or_default().to_string_lossy()));
        disk::fresh(&partial)?;
        let own = model_tensors(self.config, self.variant, self.decoder);
        let stored: Vec<TensorSpec> =
            own.iter().map(|spec| TensorSpec::new(self.stored_name(&spec.name), spec.shape.clone())).collect();
        let mut asked = own.iter();
        writer::write(&partial.join("model.safetensors"), &stored, self.format, |stored| {
            values(asked.next().unwrap_or(stored))
        })?;
        disk::write(&partial.join("tokenizer.json"), self.tokenizer)?;
        let (settings, special) = tokenizer::companions(&parsed, self.max_seq_length);
        let mut files = vec![
            ("config.json", config::model(self)),
            ("tokenizer_config.json", settings),
            ("special_tokens_map.json", special),
        ];
        files.extend(config::sentence(self));
        for (name, value) in files {
            let path = partial.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(Error::io(folder))?;
            }
            disk::write(&path, format!("{value:#}\n").as_bytes())?;
        }
        disk::publish(&partial, to)
    }

    /// With a head the encoder is a part of the file's model, and its names say so.
    fn stored_name(&self, name: &str) -> String {
        if self.decoder && !name.starts_with("decoder.") { format!("model.{name}") } else { name.to_owned() }
    }
}
