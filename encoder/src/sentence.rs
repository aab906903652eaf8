//! What sentence-transformers keeps beside the model: pooling, prompts, a limit on length.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::files::{Bytes, ModelFiles};
use crate::pooling::Pooling;

/// What a text is for. Models trained with prompts put different words before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A question, or the words typed in a search box.
    Query,
    /// A text to be found.
    Document,
}

/// What is put before a text, empty for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Before queries.
    pub query: String,
    /// Before documents.
    pub document: String,
}

impl Prompts {
    /// The prompt of a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &str {
        match role {
            Role::Query => &self.query,
            Role::Document => &self.document,
        }
    }
}

/// How the model's states are meant to be used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SentenceConfig {
    pub(crate) pooling: Pooling,
    /// Whether the prompt's tokens count in the mean of an embedded text.
    pub(crate) include_prompt: bool,
    pub(crate) prompts: Prompts,
    pub(crate) max_seq_length: Option<usize>,
    /// Whether letters are made small before the tokenizer sees them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lower_case: bool,
    /// Dimensions to keep of a Matryoshka model.
    pub(crate) truncate_dim: Option<usize>,
}

impl SentenceConfig {
    pub(crate) fn read(files: &ModelFiles) -> Result<Self> {
        let pooling = object("1_Pooling/config.json", files.pooling.as_ref())?;
        let prompts = object("config_sentence_transformers.json", files.prompts.as_ref())?;
        let limits = object("sentence_bert_config.json", files.limits.as_ref())?;
        let tokenizer = object("tokenizer_config.json", files.tokenizer_config.as_ref())?;
        let number = |map: &Map<String, Value>, key| map.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let default = prompts.get("default_prompt_name").and_then(Value::as_str);
        let prompt = |names: &[&str]| {
            let all = prompts.get("prompts");
            let found = names.iter().copied().chain(default).find_map(|name| all?.get(name)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        Ok(Self {
            pooling: pooling_mode(&pooling)?,
            include_prompt: pooling.get("include_prompt").and_then(Value::as_bool).unwrap_or(true),
            prompts: Prompts { query: prompt(&["query"]), document: prompt(&["document", "passage", "corpus"]) },
            max_seq_length: number(&limits, "max_seq_length").or_else(|| number(&tokenizer, "model_max_length")),
            lower_case: limits.get("do_lower_case").and_then(Value::as_bool).unwrap_or(false),
            truncate_dim: number(&prompts, "truncate_dim"),
        })
    }
}

/// The one mode switched on: as `pooling_mode`, or as one of many `pooling_mode_*` flags. Mean where nothing is said.
fn pooling_mode(config: &Map<String, Value>) -> Result<Pooling> {
    let named = config.get("pooling_mode").and_then(Value::as_str).map(str::to_owned);
    let flags = config.iter().filter(|(_, on)| on.as_bool() == Some(true));
    let mut modes: Vec<String> = match named {
        Some(name) => vec![name],
        None => flags
            .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
            .map(|mode| mode.trim_end_matches("_tokens").trim_end_matches("_token").to_owned())
            .collect(),
    };
    modes.sort();
    match modes.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // The sum over the root of the length points where the mean does, and vectors are scaled.
        [] | ["mean"] | ["mean_sqrt_len"] => Ok(Pooling::Mean),
        ["cls"] => Ok(Pooling::Cls),
        others => Err(Error::UnsupportedPooling { found: others.join(" + ") }),
    }
}

fn object(file: &str, bytes: Option<&Bytes>) -> Result<Map<String, Value>> {
    let parse = |bytes: &Bytes| {
        serde_json::from_slice(bytes).map_err(|source| Error::InvalidJson { file: file.to_owned(), source })
    };
    Ok(bytes.map(parse).transpose()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn config(pooling: &'static str, prompts: &'static str) -> Result<SentenceConfig> {
        SentenceConfig::read(&ModelFiles {
            pooling: Some(pooling.as_bytes().into()),
            prompts: Some(prompts.as_bytes().into()),
            ..ModelFiles::default()
        })
    }

    #[test]
    fn pooling_is_read_in_both_spellings() {
        let flags = r#"{"word_embedding_dimension":4,"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false,"include_prompt":false}"#;
        let read = config(flags, "{}").unwrap();
        assert_eq!((read.pooling, read.include_prompt), (Pooling::Cls, false));
        assert_eq!(config(r#"{"pooling_mode":"mean"}"#, "{}").unwrap().pooling, Pooling::Mean);
        assert_eq!(config("{}", "{}").unwrap().pooling, Pooling::Mean);
        let refused = config(r#"{"pooling_mode_max_tokens":true,"pooling_mode_mean_tokens":true}"#, "{}").unwrap_err();
        assert!(matches!(refused, Error::UnsupportedPooling { found } if found == "max + mean"));
        assert!(matches!(config("[]", "{}"), Err(Error::InvalidJson { .. })));
    }

    #[test]
    fn prompts_have_several_names() {
        let read = config("{}", r#"{"prompts":{"query":"Q: ","passage":"P: "}}"#).unwrap();
        assert_eq!((read.prompts.of(Role::Query), read.prompts.of(Role::Document)), ("Q: ", "P: "));
    }
}
