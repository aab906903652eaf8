//! Models that are measured without having been trained: a NeoBERT of a given size, or one of those the paper compares it with.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;
use neodex_encoder::{ModelFiles, NeoBertConfig, published, published_names};

use crate::exit::usage;

/// What `--shape` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A NeoBERT with heads 64 wide.
    NeoBert {
        /// How many blocks.
        layers: usize,
        /// Its hidden size.
        width: usize,
    },
    /// One that has a name, as its authors publish it.
    Named(&'static str),
}

impl Shape {
    /// Whether it has a name of its own.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self, Shape::Named(_))
    }

    /// The model with random weights; a NeoBERT reads up to `longest` tokens.
    pub(crate) fn files(self, longest: usize) -> Result<ModelFiles> {
        let (layers, width) = match self {
            Shape::NeoBert { layers, width } => (layers, width),
            Shape::Named(name) => {
                return published(name)?.ok_or_else(|| usage(format!("--shape: `{name}` is not known")));
            }
        };
        let config = NeoBertConfig {
            num_hidden_layers: layers,
            hidden_size: width,
            num_attention_heads: (width / 64).max(1),
            intermediate_size: width.saturating_mul(4),
            norm_eps: 1e-5,
            max_length: longest,
            ..NeoBertConfig::default()
        };
        ModelFiles::untrained(&config).map_err(|error| usage(format!("--shape: {error}")))
    }
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(name) = published_names().find(|&name| name == text) {
            return Ok(Shape::Named(name));
        }
        let parsed = text.split_once('x').and_then(|(layers, width)| Some((layers.parse().ok()?, width.parse().ok()?)));
        let (layers, width) = parsed.ok_or_else(|| {
            let names = published_names().collect::<Vec<_>>().join(", ");
            usage(format!("--shape: `{text}` is neither layers and width, like 12x384, nor one of {names}"))
        })?;
        Ok(Shape::NeoBert { layers, width })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::NeoBert { layers, width } => write!(f, "{layers}x{width}"),
            Shape::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shapes_are_read_as_they_are_written() {
        for text in ["12x384", "bert-base", "modernbert-base"] {
            assert_eq!(text.parse::<Shape>().unwrap().to_string(), text);
        }
        let told = "12".parse::<Shape>().unwrap_err().to_string();
        assert!(told.contains("12x384") && told.contains("nomic-bert-2048"), "{told}");
    }
}
