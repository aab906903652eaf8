//! Each family's `config.json`. Absent keys take the defaults of its class in transformers.

use serde_json::{Map, Value};

use super::config::{Activation, Biases, Family, Positions, Reach};
use crate::error::{Error, Result};

/// What [`Error::UnsupportedArchitecture`] names as readable.
const SUPPORTED: &str = "NeoBERT, BERT, DistilBERT, RoBERTa, XLM-RoBERTa, CamemBERT, NomicBERT and ModernBERT \
     (`model_type` neobert, bert, distilbert, roberta, xlm-roberta, camembert, nomic_bert, modernbert)";

impl Family {
    /// The model that these keys of a `config.json` describe, `null`s left out.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`] for a `model_type` that is not here, [`Error::Config`] for a value that cannot be or is not built.
    pub(crate) fn read(model_type: &str, keys: &Map<String, Value>) -> Result<Self> {
        let keys = Keys(keys);
        let family = match model_type {
            "bert" => bert(keys, 0)?,
            "roberta" | "xlm-roberta" | "camembert" => bert(keys, keys.number(&["pad_token_id"], 1)? + 1)?,
            "distilbert" => distilbert(keys)?,
            "nomic_bert" => nomic_bert(keys)?,
            "modernbert" => modernbert(keys)?,
            other => {
                return Err(Error::UnsupportedArchitecture { found: other.to_owned(), supported: SUPPORTED });
            }
        };
        let family = Self { model_type: model_type.to_owned(), ..family };
        family.validate()?;
        Ok(family)
    }
}

/// BERT, and RoBERTa, whose first position is number `first`: it counts from behind its padding id.
fn bert(keys: Keys<'_>, first: usize) -> Result<Family> {
    keys.only("position_embedding_type", &["absolute"])?;
    keys.refuse(&["is_decoder", "add_cross_attention"])?;
    let rows = keys.number(&["max_position_embeddings"], 512)?;
    Ok(Family {
        model_type: String::new(),
        vocab_size: keys.number(&["vocab_size"], if first == 0 { 30_522 } else { 50_265 })?,
        hidden_size: keys.number(&["hidden_size"], 768)?,
        num_hidden_layers: keys.number(&["num_hidden_layers"], 12)?,
        num_attention_heads: keys.number(&["num_attention_heads"], 12)?,
        inner_size: keys.number(&["intermediate_size"], 3072)?,
        max_length: rows.saturating_sub(first),
        norm_eps: keys.real(&["layer_norm_eps"], 1e-12)?,
        positions: Positions::Learned { rows, first },
        type_vocab_size: keys.number(&["type_vocab_size"], 2)?,
        norm_first: false,
        activation: Activation::named("hidden_act", keys.text("hidden_act", "gelu")?)?,
        gated: false,
        biases: Biases::ALL,
    })
}

fn distilbert(keys: Keys<'_>) -> Result<Family> {
    let rows = keys.number(&["max_position_embeddings"], 512)?;
    Ok(Family {
        model_type: String::new(),
        vocab_size: keys.number(&["vocab_size"], 30_522)?,
        hidden_size: keys.number(&["dim", "hidden_size"], 768)?,
        num_hidden_layers: keys.number(&["n_layers", "num_hidden_layers"], 6)?,
        num_attention_heads: keys.number(&["n_heads", "num_attention_heads"], 12)?,
        inner_size: keys.number(&["hidden_dim", "intermediate_size"], 3072)?,
        max_length: rows,
        norm_eps: 1e-12,
        positions: Positions::Learned { rows, first: 0 },
        type_vocab_size: 0,
        norm_first: false,
        activation: Activation::named("activation", keys.text("activation", "gelu")?)?,
        gated: false,
        biases: Biases::ALL,
    })
}

/// NomicBERT, whose authors' code and transformers have different words for everything.
fn nomic_bert(keys: Keys<'_>) -> Result<Family> {
    keys.refuse(&["prenorm", "causal", "use_rms_norm", "rotary_emb_interleaved", "parallel_block"])?;
    keys.only("activation_function", &["swiglu"])?;
    keys.only("hidden_act", &["silu", "swish"])?;
    let part = keys.real(&["rotary_emb_fraction"], 1.0)?;
    if part != 1.0 {
        return Err(Error::Config { field: "rotary_emb_fraction", reason: format!("is {part}; only 1 is read") });
    }
    let layers = keys.number(&["n_layer", "num_hidden_layers"], 12)?;
    let theta = keys.rope("rope_parameters", None)?;
    let theta = theta.map_or_else(|| keys.real(&["rotary_emb_base", "rope_theta"], 1000.0), Ok)? as f32;
    let asked = keys.number(&["n_positions", "max_position_embeddings"], 2048)?;
    // Beyond the length it was trained for it would have to stretch its frequencies, which is not built.
    let max_length = asked.min(keys.number(&["max_trained_positions"], asked)?);
    let bias = |key| keys.flag(key, false);
    Ok(Family {
        model_type: String::new(),
        vocab_size: keys.number(&["vocab_size"], 30_528)?,
        hidden_size: keys.number(&["n_embd", "hidden_size"], 768)?,
        num_hidden_layers: layers,
        num_attention_heads: keys.number(&["n_head", "num_attention_heads"], 12)?,
        inner_size: keys.number(&["n_inner", "intermediate_size"], 3072)?,
        max_length,
        norm_eps: keys.real(&["layer_norm_epsilon", "layer_norm_eps"], 1e-12)?,
        positions: Positions::Rotary(vec![Reach { theta, window: None }; layers.min(1 << 16)]),
        type_vocab_size: keys.number(&["type_vocab_size"], 2)?,
        norm_first: false,
        activation: Activation::Silu,
        gated: true,
        biases: Biases {
            qkv: bias("qkv_proj_bias")?,
            attention_output: bias("qkv_proj_bias")?,
            ffn_input: bias("mlp_fc1_bias")?,
            ffn_output: bias("mlp_fc2_bias")?,
            norm: true,
        },
    })
}

fn modernbert(keys: Keys<'_>) -> Result<Family> {
    let layers = keys.number(&["num_hidden_layers"], 22)?;
    let every = keys.number(&["global_attn_every_n_layers"], 3)?.max(1);
    let window = keys.number(&["local_attention"], 128)? / 2;
    let global = keys.rope("rope_parameters", Some("full_attention"))?;
    let global = global.map_or_else(|| keys.real(&["global_rope_theta"], 160_000.0), Ok)? as f32;
    let local = keys.rope("rope_parameters", Some("sliding_attention"))?;
    let local = local.map_or_else(|| keys.real(&["local_rope_theta"], 10_000.0), Ok)? as f32;
    let kinds = keys.0.get("layer_types").and_then(Value::as_array);
    let reach = |layer: usize| {
        let kind = kinds.and_then(|kinds| kinds.get(layer)).and_then(Value::as_str);
        match kind.map_or(layer.is_multiple_of(every), |kind| kind == "full_attention") {
            true => Reach { theta: global, window: None },
            false => Reach { theta: local, window: Some(window) },
        }
    };
    let (attention, ffn) = (keys.flag("attention_bias", false)?, keys.flag("mlp_bias", false)?);
    Ok(Family {
        model_type: String::new(),
        vocab_size: keys.number(&["vocab_size"], 50_368)?,
        hidden_size: keys.number(&["hidden_size"], 768)?,
        num_hidden_layers: layers,
        num_attention_heads: keys.number(&["num_attention_heads"], 12)?,
        inner_size: keys.number(&["intermediate_size"], 1152)?,
        max_length: keys.number(&["max_position_embeddings"], 8192)?,
        norm_eps: keys.real(&["norm_eps"], 1e-5)?,
        positions: Positions::Rotary((0..layers.min(1 << 16)).map(reach).collect()),
        type_vocab_size: 0,
        norm_first: true,
        activation: Activation::named("hidden_activation", keys.text("hidden_activation", "gelu")?)?,
        gated: true,
        biases: Biases {
            qkv: attention,
            attention_output: attention,
            ffn_input: ffn,
            ffn_output: ffn,
            norm: keys.flag("norm_bias", false)?,
        },
    })
}

/// The keys of a config, by names of which the first that is there counts.
#[derive(Clone, Copy)]
struct Keys<'a>(&'a Map<String, Value>);

impl<'a> Keys<'a> {
    fn first(self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        names.iter().find_map(|name| Some((*name, self.0.get(*name)?)))
    }

    fn number(self, names: &[&'static str], default: usize) -> Result<usize> {
        let Some((field, value)) = self.first(names) else { return Ok(default) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| wrong(field, value, "a number from 0"))
    }

    fn real(self, names: &[&'static str], default: f64) -> Result<f64> {
        let Some((field, value)) = self.first(names) else { return Ok(default) };
        value.as_f64().ok_or_else(|| wrong(field, value, "a number"))
    }

    fn text(self, field: &'static str, default: &'a str) -> Result<&'a str> {
        let Some(value) = self.0.get(field) else { return Ok(default) };
        value.as_str().ok_or_else(|| wrong(field, value, "a word"))
    }

    fn flag(self, field: &'static str, default: bool) -> Result<bool> {
        let Some(value) = self.0.get(field) else { return Ok(default) };
        value.as_bool().ok_or_else(|| wrong(field, value, "true or false"))
    }

    /// The base in an object of rotary settings, or in the part of it for one kind of layer. Stretched frequencies are refused.
    fn rope(self, field: &'static str, part: Option<&str>) -> Result<Option<f64>> {
        let settings = self.0.get(field).and_then(|all| part.map_or(Some(all), |part| all.get(part)));
        let Some(settings) = settings else { return Ok(None) };
        if let Some(kind) = settings.get("rope_type").and_then(Value::as_str).filter(|kind| *kind != "default") {
            return Err(Error::Config {
                field,
                reason: format!("asks for `{kind}`; only plain rotary positions are read"),
            });
        }
        Ok(settings.get("rope_theta").and_then(Value::as_f64))
    }

    /// That `field` is one of `words`, where it is there.
    fn only(self, field: &'static str, words: &[&'static str]) -> Result<()> {
        let found = self.text(field, words.first().copied().unwrap_or_default())?;
        match words.contains(&found) {
            true => Ok(()),
            false => Err(Error::Config { field, reason: format!("is `{found}`; only {} is read", words.join(" or ")) }),
        }
    }

    /// That none of `fields` is switched on.
    fn refuse(self, fields: &[&'static str]) -> Result<()> {
        match fields.iter().find(|field| self.0.get(**field).and_then(Value::as_bool) == Some(true)) {
            Some(field) => Err(Error::Config { field, reason: "is true, which is a model of another kind".to_owned() }),
            None => Ok(()),
        }
    }
}

fn wrong(field: &'static str, found: &Value, wanted: &str) -> Error {
    Error::Config { field, reason: format!("is {found}; {wanted} is expected") }
}
