//! `export.json`: what an export is, so that nobody mixes vectors of two models.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The name of the file.
pub(super) const NAME: &str = "export.json";
/// The layout of exports that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

/// How the tables of an export are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExportFormat {
    /// JSON Lines.
    Jsonl,
    /// Parquet, compressed with Zstandard.
    Parquet,
}

impl std::str::FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "jsonl" => Ok(Self::Jsonl),
            "parquet" => Ok(Self::Parquet),
            other => Err(format!("{other:?} is no format of exports; there are jsonl and parquet")),
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportManifest {
    /// The layout.
    pub(super) neodex_export: u32,
    pub(super) format: ExportFormat,
    pub(super) documents: u64,
    pub(super) chunks: u64,
    /// Chunks that have a vector.
    pub(super) vectors: u64,
    /// What the database says of itself in FORMAT: chunking, model, fingerprint, dimension.
    pub(super) database: std::collections::BTreeMap<String, String>,
}

impl ExportManifest {
    /// Reads the manifest of the export in `folder`.
    ///
    /// # Errors
    /// [`Error::Argument`] for something else or a newer layout; [`Error::Io`].
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let argument = |reason: String| Error::Argument { field: "export", reason };
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(argument(format!("there is no {NAME} in {}: it is no export of neodex", folder.display())));
            }
            read => read.map_err(Error::io(&path))?,
        };
        let found: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| argument(format!("{}: {error}", path.display())))?;
        match found.get("neodex_export").and_then(serde_json::Value::as_u64) {
            Some(version) if version > u64::from(VERSION) => Err(argument(format!(
                "it was made by a newer neodex (layout {version}; this one reads up to {VERSION})"
            ))),
            Some(_) => serde_json::from_value(found).map_err(|error| argument(format!("{}: {error}", path.display()))),
            None => Err(argument(format!("{} is no export of neodex", path.display()))),
        }
    }
}
