//! NeoBERT's `config.json`, in Hugging Face's own words.
//!
//! Keys that describe training or Python are ignored. Absent keys take the defaults of the reference class, which are not
//! always the values of the released model (`norm_eps` above all), so nothing is guessed from the model's name. Configs
//! saved again by other programs sometimes keep the original nested under `kwargs`; those are read too.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// What [`Error::UnsupportedArchitecture`] names as readable.
const SUPPORTED: &str = "NeoBERT (`model_type` neobert)";
/// The rotary table is built for every position at once, so that an absurd length must not pass.
const LONGEST: usize = 131_072;
/// Room for the special tokens and some text.
const SHORTEST: usize = 16;

/// The shape of a NeoBERT: a mirror of its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NeoBertConfig {
    /// Always `neobert`.
    pub model_type: String,
    /// Width of a token's state.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Heads per block; `hidden_size` is a multiple of it, with an even quotient.
    pub num_attention_heads: usize,
    /// The nominal width of the feed-forward part; see [`NeoBertConfig::inner_size`] for the real one.
    pub intermediate_size: usize,
    /// Added to the mean square in every norm.
    pub norm_eps: f64,
    /// Rows of the token embedding.
    pub vocab_size: usize,
    /// Longest sequence in tokens, special tokens included.
    pub max_length: usize,
    /// The id of padding. Never attended to.
    pub pad_token_id: u32,
    /// Base of the rotary frequencies. The reference hard-codes 10000.
    pub rope_theta: f32,
}

impl Default for NeoBertConfig {
    fn default() -> Self {
        Self {
            model_type: "neobert".to_owned(),
            hidden_size: 768,
            num_hidden_layers: 28,
            num_attention_heads: 12,
            intermediate_size: 3072,
            norm_eps: 1e-6,
            vocab_size: 30_522,
            max_length: 1024,
            pad_token_id: 0,
            rope_theta: 10_000.0,
        }
    }
}

impl NeoBertConfig {
    /// Reads and checks the bytes of a `config.json`.
    ///
    /// # Errors
    /// [`Error::InvalidJson`], [`Error::UnsupportedArchitecture`] for another `model_type`, [`Error::Config`] for values that
    /// cannot be a NeoBERT.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let mut keys = keys(bytes)?;
        let found = architecture(&keys);
        if found != "neobert" {
            return Err(Error::UnsupportedArchitecture { found, supported: SUPPORTED });
        }
        keys.insert("model_type".to_owned(), found.into());
        reject_variants(&keys)?;
        let dim_head = keys.get("dim_head").and_then(Value::as_u64);
        let config: Self = serde_json::from_value(Value::Object(keys))
            .map_err(|source| Error::InvalidJson { file: "config.json".to_owned(), source })?;
        config.validate()?;
        if let Some(found) = dim_head.filter(|&found| found != config.head_dim() as u64) {
            return Err(Error::Config {
                field: "dim_head",
                reason: format!("is {found}, but hidden_size / num_attention_heads is {}", config.head_dim()),
            });
        }
        Ok(config)
    }

    /// Checks that the numbers can be those of a NeoBERT.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key that cannot.
    pub fn validate(&self) -> Result<()> {
        let fail = |field, reason: String| Err(Error::Config { field, reason });
        for (field, value) in [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
        ] {
            if value == 0 || u32::try_from(value).is_err() {
                return fail(field, format!("is {value}, out of range"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) || !self.head_dim().is_multiple_of(2) {
            return fail(
                "num_attention_heads",
                format!(
                    "is {}, which does not cut hidden_size {} into heads of an even width",
                    self.num_attention_heads, self.hidden_size
                ),
            );
        }
        if !(SHORTEST..=LONGEST).contains(&self.max_length) {
            return fail("max_length", format!("is {}, outside {SHORTEST} to {LONGEST}", self.max_length));
        }
        if !(self.norm_eps >= 0.0 && self.norm_eps < 1.0) {
            return fail("norm_eps", format!("is {}, outside 0 to 1", self.norm_eps));
        }
        if !(self.rope_theta > 1.0 && self.rope_theta.is_finite()) {
            return fail("rope_theta", format!("is {}, not above 1", self.rope_theta));
        }
        Ok(())
    }

    /// Width of one attention head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// The real inner width of SwiGLU: two thirds of `intermediate_size`, rounded up to a multiple of 8, so that the three
    /// matrices have about as many parameters as the two of an ordinary feed-forward layer.
    #[must_use]
    pub fn inner_size(&self) -> usize {
        (2 * self.intermediate_size / 3).next_multiple_of(8)
    }

    /// Parameters of the encoder, without a language-model head.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let (h, inner) = (self.hidden_size, self.inner_size());
        let block = 3 * h * h + h * h + 2 * inner * h + h * inner + 2 * h;
        self.vocab_size * h + self.num_hidden_layers * block + h
    }
}

/// The keys of a `config.json`.
pub(crate) fn keys(bytes: &[u8]) -> Result<Map<String, Value>> {
    let json = |source| Error::InvalidJson { file: "config.json".to_owned(), source };
    let mut keys = Map::new();
    flatten(serde_json::from_slice(bytes).map_err(json)?, &mut keys);
    Ok(keys)
}

/// Lays the keys of `value` over those of its `kwargs`, the outer ones winning. A `null` counts as absent.
fn flatten(value: Value, keys: &mut Map<String, Value>) {
    let Value::Object(mut outer) = value else {
        return;
    };
    if let Some(inner) = outer.remove("kwargs") {
        flatten(inner, keys);
    }
    keys.extend(outer.into_iter().filter(|(_, value)| !value.is_null()));
}

/// `model_type`, or what `architectures` lets one conclude, or a word for nothing.
pub(crate) fn architecture(keys: &Map<String, Value>) -> String {
    if let Some(found) = keys.get("model_type").and_then(Value::as_str) {
        return found.to_owned();
    }
    match keys.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str) {
        Some(name) if name.starts_with("NeoBERT") => "neobert".to_owned(),
        Some(name) if name.starts_with("NomicBert") => "nomic_bert".to_owned(),
        Some(name) => name.to_owned(),
        None => "unknown".to_owned(),
    }
}

/// The research code could train variants under the same name; their weights would load and mean nothing.
fn reject_variants(keys: &Map<String, Value>) -> Result<()> {
    for field in ["rope", "rms_norm"] {
        if keys.get(field).and_then(Value::as_bool) == Some(false) {
            return Err(Error::Config {
                field,
                reason: "is false; only the released architecture (rotary positions, RMS norms) is read".to_owned(),
            });
        }
    }
    match keys.get("hidden_act").and_then(Value::as_str) {
        Some(found) if !found.eq_ignore_ascii_case("swiglu") => {
            Err(Error::Config { field: "hidden_act", reason: format!("is `{found}`; only SwiGLU is read") })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_released_shape_has_the_published_parameter_count() {
        let config = NeoBertConfig::default();
        assert_eq!(config.inner_size(), 2048);
        assert_eq!(config.parameters(), 221_665_536);
    }

    #[test]
    fn the_inner_size_is_rounded_up() {
        let config = NeoBertConfig { intermediate_size: 256, ..NeoBertConfig::default() };
        assert_eq!(config.inner_size(), 176);
    }

    #[test]
    fn a_config_nested_in_kwargs_is_read_and_the_outer_keys_win() {
        let config = NeoBertConfig::from_json(
            br#"{"architectures":["NeoBERTLMHead"],"hidden_size":64,"vocab_size":null,
                 "kwargs":{"hidden_size":32,"num_attention_heads":2,"kwargs":{"vocab_size":99}}}"#,
        )
        .unwrap();
        assert_eq!((config.hidden_size, config.num_attention_heads, config.vocab_size), (64, 2, 99));
        assert_eq!(config.norm_eps, 1e-6);
    }

    #[test]
    fn what_is_no_neobert_is_refused_by_name() {
        let refused = |json: &str| NeoBertConfig::from_json(json.as_bytes()).unwrap_err();
        assert!(
            matches!(refused(r#"{"model_type":"bert"}"#), Error::UnsupportedArchitecture { found, .. } if found == "bert")
        );
        assert!(matches!(refused("{}"), Error::UnsupportedArchitecture { found, .. } if found == "unknown"));
        assert!(matches!(refused("[]"), Error::UnsupportedArchitecture { .. }));
        assert!(matches!(refused("{"), Error::InvalidJson { .. }));
        for (json, key) in [
            (r#""num_attention_heads":5"#, "num_attention_heads"),
            (r#""num_attention_heads":0"#, "num_attention_heads"),
            (r#""max_length":1000000000"#, "max_length"),
            (r#""dim_head":32"#, "dim_head"),
            (r#""hidden_act":"gelu""#, "hidden_act"),
            (r#""rope":false"#, "rope"),
            (r#""norm_eps":-1"#, "norm_eps"),
        ] {
            let error = refused(&format!(r#"{{"model_type":"neobert",{json}}}"#));
            assert!(matches!(error, Error::Config { field, .. } if field == key), "{json}: {error}");
        }
        assert!(matches!(refused(r#"{"model_type":"neobert","hidden_size":-3}"#), Error::InvalidJson { .. }));
    }
}
