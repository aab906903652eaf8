//! Shapes that people compare speeds at, as their own `config.json` files have them.

use crate::error::Result;
use crate::files::ModelFiles;

const SHAPES: [(&str, &str); 4] = [
    ("bert-base", r#"{"model_type":"bert"}"#),
    (
        "roberta-base",
        r#"{"model_type":"roberta","max_position_embeddings":514,"type_vocab_size":1,"vocab_size":50265,"layer_norm_eps":1e-5}"#,
    ),
    ("nomic-bert-2048", r#"{"model_type":"nomic_bert","max_position_embeddings":2048}"#),
    ("modernbert-base", r#"{"model_type":"modernbert"}"#),
];

/// The names that [`published`] knows.
pub fn published_names() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|&(name, _)| name)
}

/// A model with random weights of the published shape `name` (one of [`published_names`]), or `None` where there is none of that name.
///
/// # Errors
/// None that a caller could cause.
pub fn published(name: &str) -> Result<Option<ModelFiles>> {
    let shape = SHAPES.iter().find(|(own, _)| *own == name);
    shape.map(|(_, config)| ModelFiles::untrained_as(config.as_bytes())).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::architecture::Architecture;

    #[test]
    fn shapes_have_the_published_parameter_counts() {
        let counts = SHAPES.map(|(_, config)| Architecture::from_json(config.as_bytes()).unwrap().parameters());
        assert_eq!(counts, [108_891_648, 124_055_040, 136_731_648, 149_014_272]);
    }
}
