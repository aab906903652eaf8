//! Which files of a repository a model needs: not the same weights again in four other formats.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;

use super::repository::Repository;
use crate::exit::usage;

/// A file as the hub lists it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Sibling {
    /// Its path in the repository.
    #[serde(rename = "rfilename")]
    pub(crate) path: String,
}

/// In whatever folder they are, if that folder is one of the model's.
const SMALL: [&str; 12] = [
    "config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "modules.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
];
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Weights of other programs, to say what a repository has instead.
const OTHERS: [&str; 5] = ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "model.onnx", "rust_model.ot"];

/// The small files first, so that a model that cannot be read is refused before its weights are brought; then the weights.
pub(crate) fn choose(repository: &Repository, siblings: &[Sibling]) -> Result<(Vec<Sibling>, Vec<Sibling>)> {
    let sound: Vec<&Sibling> = siblings.iter().filter(|sibling| is_inside(&sibling.path)).collect();
    let name = |sibling: &Sibling| sibling.path.rsplit('/').next().unwrap_or_default().to_owned();
    // The model is at the top, or in the folder of sentence-transformers' first step.
    let home = ["", "0_Transformer/"].into_iter().find(|home| {
        let config = format!("{home}config.json");
        sound.iter().any(|sibling| sibling.path == config)
    });
    let Some(home) = home else {
        return Err(usage(format!("{repository} has no config.json, so it is no model that could be read")));
    };
    let is_step =
        |path: &str| path.split_once('/').is_some_and(|(folder, file)| file == "config.json" && folder.contains('_'));
    let small = |sibling: &&&Sibling| {
        let at_home = sibling.path.strip_prefix(home).is_some_and(|rest| SMALL.contains(&rest));
        at_home || SMALL.contains(&sibling.path.as_str()) || is_step(&sibling.path)
    };
    let small: Vec<Sibling> = sound.iter().filter(small).map(|sibling| (*sibling).clone()).collect();
    let at_home = |wanted: &dyn Fn(&str) -> bool| -> Vec<Sibling> {
        let here = |sibling: &&&Sibling| sibling.path.strip_prefix(home).is_some_and(wanted);
        sound.iter().filter(here).map(|sibling| (*sibling).clone()).collect()
    };
    let mut weights = at_home(&|rest| rest == WEIGHTS);
    if weights.is_empty() {
        let is_shard = |rest: &str| rest.starts_with("model-") && rest.ends_with(".safetensors") && !rest.contains('/');
        let sharded = at_home(&|rest| rest == INDEX || is_shard(rest));
        if sharded.iter().any(|sibling| sibling.path.ends_with(INDEX)) {
            weights = sharded;
        }
    }
    if weights.is_empty() {
        let others: BTreeSet<String> =
            sound.iter().map(|sibling| name(sibling)).filter(|name| OTHERS.contains(&name.as_str())).collect();
        let instead = match others.is_empty() {
            true => String::new(),
            false => format!(" (it has {})", others.into_iter().collect::<Vec<_>>().join(", ")),
        };
        return Err(usage(format!(
            "{repository} has no {WEIGHTS}{instead}; only weights in safetensors format are read: another revision may have them, or save the model again"
        )));
    }
    Ok((small, weights))
}

/// Whether a path of the hub's stays inside the folder it is put in.
fn is_inside(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':']);
    path.split('/').all(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn chosen(paths: &[&str]) -> Result<(Vec<String>, Vec<String>)> {
        let siblings: Vec<Sibling> = paths.iter().map(|path| Sibling { path: (*path).to_owned() }).collect();
        let names = |files: Vec<Sibling>| files.into_iter().map(|file| file.path).collect();
        choose(&Repository::parse("org/model").unwrap(), &siblings)
            .map(|(small, weights)| (names(small), names(weights)))
    }

    #[test]
    fn a_model_is_its_small_files_and_one_set_of_weights() {
        let (small, weights) = chosen(&[
            "config.json",
            "1_Pooling/config.json",
            "2_Normalize/config.json",
            "modules.json",
            "tokenizer.json",
            "model.safetensors",
            "pytorch_model.bin",
            "onnx/model.onnx",
            "onnx/config.json",
            "../config.json",
            "openvino/openvino_model.bin",
            "training/data.json",
        ])
        .unwrap();
        assert_eq!(
            small,
            ["config.json", "1_Pooling/config.json", "2_Normalize/config.json", "modules.json", "tokenizer.json"]
        );
        assert_eq!(weights, ["model.safetensors"]);
        let (_, shards) = chosen(&[
            "config.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "x/model-1.safetensors",
        ])
        .unwrap();
        assert_eq!(shards, ["model.safetensors.index.json", "model-00001-of-00002.safetensors"]);
        let (_, nested) =
            chosen(&["modules.json", "0_Transformer/config.json", "0_Transformer/model.safetensors"]).unwrap();
        assert_eq!(nested, ["0_Transformer/model.safetensors"]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = chosen(&["config.json", "pytorch_model.bin", "tf_model.h5"]).unwrap_err().to_string();
        assert!(
            error.contains("it has pytorch_model.bin, tf_model.h5") && error.contains("model.safetensors"),
            "{error}"
        );
        assert!(chosen(&["README.md"]).unwrap_err().to_string().contains("config.json"));
    }
}
