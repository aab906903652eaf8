//! MTEB's result files: `results/<model>/<revision>/<Task>.json`, with the model's name and revision beside them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scores::Scores;
use super::task::Task;
use crate::error::{Error, Result};

/// What tells one model's results from another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelIdentity {
    /// Its name, which may have an owner before a slash.
    pub name: String,
    /// Which version of it: a hash.
    pub revision: String,
}

/// Where the result of a task lies below `root`.
pub fn result_path(root: &Path, model: &ModelIdentity, task: &str) -> PathBuf {
    let name = model.name.replace('/', "__").replace(' ', "_");
    root.join(name).join(&model.revision).join(format!("{task}.json"))
}

/// Writes the result of a task, and gives its path. Scores are rounded to six places, as MTEB has it; the version of MTEB is null, because it
/// was not there.
///
/// # Errors
/// When the files cannot be written.
pub fn write_result(root: &Path, model: &ModelIdentity, task: &Task, scores: &Scores, seconds: f64) -> Result<PathBuf> {
    let folder = &task.folder;
    let mut entry = round(&json!(scores));
    if let Value::Object(entry) = &mut entry {
        entry.insert("hf_subset".to_owned(), json!("default"));
        entry.insert("languages".to_owned(), json!(folder.options.languages));
    }
    let result = json!({
        "dataset_revision": folder.options.revision,
        "task_name": folder.name,
        "mteb_version": null,
        "scores": { folder.split.as_str(): [entry] },
        "evaluation_time": seconds,
        "kg_co2_emissions": null,
    });
    let path = result_path(root, model, &folder.name);
    let place = path.parent().unwrap_or(root);
    fs::create_dir_all(place).map_err(|source| Error::Io { path: place.to_owned(), source })?;
    write(&place.join("model_meta.json"), &json!({ "name": model.name, "revision": model.revision }))?;
    write(&path, &result)?;
    Ok(path)
}

fn write(path: &Path, value: &Value) -> Result<()> {
    let mut text = format!("{value:#}");
    text.push('\n');
    fs::write(path, text).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn round(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => json!((float * 1e6).round() / 1e6),
            _ => value.clone(),
        },
        Value::Array(values) => values.iter().map(round).collect(),
        Value::Object(values) => values.iter().map(|(name, value)| (name.clone(), round(value))).collect(),
        other => other.clone(),
    }
}
