//! The config file: the settings one does not want to type, in TOML. A name that does not exist is an error, because a setting that is
//! silently not taken costs more than one that is refused.

use std::path::{Path, PathBuf};

use anyhow::Result;
use neodex::{Fusion, Group, Mode};
use serde::Deserialize;

use crate::exit::usage;

/// What may stand in the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// As `--db`; relative to the file.
    pub(crate) db: Option<PathBuf>,
    /// As `--model`.
    pub(crate) model: Option<String>,
    /// As `--device`.
    pub(crate) device: Option<String>,
    /// As `--precision`.
    pub(crate) precision: Option<String>,
    /// How documents are cut; part of a database, so it must stay as it was when the database was made.
    pub(crate) chunking: Chunking,
    /// Memory a process may take.
    pub(crate) memory: Memory,
    /// Defaults of `search`.
    pub(crate) search: SearchDefaults,
}

/// Section `[chunking]`, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Chunking {
    /// The size chunks come close to.
    pub(crate) target_tokens: Option<usize>,
    /// No chunk is larger.
    pub(crate) max_tokens: Option<usize>,
    /// Smaller sections join a neighbour.
    pub(crate) min_tokens: Option<usize>,
    /// The window of late chunking.
    pub(crate) window_tokens: Option<usize>,
}

/// Section `[memory]`, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Memory {
    /// The store's page cache.
    pub(crate) cache_bytes: Option<u64>,
    /// Building the word index.
    pub(crate) indexing_bytes: Option<usize>,
    /// Texts on their way through an ingest.
    pub(crate) in_flight_bytes: Option<usize>,
}

/// Section `[search]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SearchDefaults {
    /// As `--limit`.
    pub(crate) limit: Option<usize>,
    /// As `--mode`.
    pub(crate) mode: Option<Mode>,
    /// As `--group`.
    pub(crate) group: Option<Group>,
    /// As `--fusion`.
    pub(crate) fusion: Option<Fusion>,
    /// As `--rrf-k`.
    pub(crate) rrf_k: Option<u32>,
    /// As `--weights dense=`.
    pub(crate) dense_weight: Option<f32>,
    /// As `--weights lexical=`.
    pub(crate) lexical_weight: Option<f32>,
}

impl ConfigFile {
    /// Reads the file; `None` is an empty one.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
        let mut file: Self = toml::from_str(&text)
            .map_err(|error| usage(format!("{}: {}", path.display(), error.to_string().trim_end())))?;
        // Whoever wrote `db = "notes.db"` meant the one beside the file.
        file.db = file.db.map(|db| path.parent().unwrap_or(Path::new("")).join(db));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_are_read_and_unknown_ones_refused() {
        let file: ConfigFile =
            toml::from_str("db = \"x\"\n[chunking]\nmax_tokens = 100\n[search]\nmode = \"lexical\"\nrrf_k = 20\n")
                .unwrap();
        assert_eq!(file.chunking.max_tokens, Some(100));
        assert_eq!((file.search.mode, file.search.rrf_k), (Some(Mode::Lexical), Some(20)));
        let error = toml::from_str::<ConfigFile>("[search]\nlimt = 3\n").unwrap_err().to_string();
        assert!(error.contains("limt") && error.contains("limit"), "{error}");
    }
}
