//! Writes the expression that is the bundled model: its files if they are in `small/`, nothing if they are not.
//!
//! A file that is missing beside the weights stops the build here: half a model must not pass for one.
#![allow(clippy::expect_used, reason = "a build script has nobody to hand an error to")]

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Field, file, and whether a model can do without it.
const FILES: [(&str, &str, bool); 6] = [
    ("config", "config.json", false),
    ("tokenizer", "tokenizer.json", false),
    ("weights", "model.safetensors", false),
    ("pooling", "1_Pooling/config.json", true),
    ("prompts", "config_sentence_transformers.json", true),
    ("limits", "sentence_bert_config.json", true),
];

fn main() {
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("small");
    let expression = if folder.join("model.safetensors").is_file() { model(&folder) } else { "None".to_owned() };
    let file = PathBuf::from(variable("OUT_DIR")).join("small.rs");
    fs::write(&file, expression).expect("the build's own folder can be written to");
}

fn model(folder: &Path) -> String {
    let fields: Vec<String> = FILES
        .into_iter()
        .map(|(field, file, optional)| {
            let path = folder.join(file);
            let bytes = format!("include_bytes!({path:?})");
            match (optional, path.is_file()) {
                (false, _) => format!("{field}: {bytes}"),
                (true, true) => format!("{field}: Some({bytes})"),
                (true, false) => format!("{field}: None"),
            }
        })
        .collect();
    format!("Some(Model {{ name: \"small\", {} }})", fields.join(", "))
}

fn variable(name: &str) -> String {
    env::var(name).expect("Cargo sets it for every build script")
}
