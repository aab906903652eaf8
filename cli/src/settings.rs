//! From what was typed, the environment and the config file to one set of settings.

use std::path::PathBuf;

use anyhow::Result;
use neodex::Config;
use neodex_encoder::{Device, Precision};

use crate::args::Global;
use crate::config_file::{ConfigFile, SearchDefaults};
use crate::exit::usage;

/// The settings of one run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The database's folder.
    pub(crate) db: PathBuf,
    /// Whether `--db` was typed, which beats what a command would choose itself.
    pub(crate) db_typed: bool,
    /// The model's folder or name, if one was named anywhere.
    pub(crate) model: Option<String>,
    /// Where the model computes.
    pub(crate) device: Device,
    /// What it computes in.
    pub(crate) precision: Precision,
    /// How databases are opened.
    pub(crate) config: Config,
    /// Defaults of `search`.
    pub(crate) search: SearchDefaults,
}

impl Settings {
    /// Flag, else environment (clap has put both into `global`), else config file, else default.
    pub(crate) fn resolve(global: &Global, db_typed: bool) -> Result<Self> {
        let file = ConfigFile::read(global.config.as_deref())?;
        let device = global.device.clone().or(file.device.clone()).unwrap_or_else(|| "auto".to_owned());
        let device = device.parse().map_err(|error| usage(format!("--device: {error}")))?;
        let precision = global.precision.clone().or(file.precision.clone()).unwrap_or_else(|| "auto".to_owned());
        let precision = precision.parse().map_err(|error| usage(format!("--precision: {error}")))?;
        Ok(Self {
            config: config(&file),
            db: global.db.clone().or(file.db).unwrap_or_else(|| PathBuf::from("neodex.db")),
            db_typed,
            model: global.model.clone().or(file.model),
            device,
            precision,
            search: file.search,
        })
    }
}

fn config(file: &ConfigFile) -> Config {
    let mut config = Config::default();
    let chunking = &mut config.chunking;
    chunking.target_tokens = file.chunking.target_tokens.unwrap_or(chunking.target_tokens);
    chunking.max_tokens = file.chunking.max_tokens.unwrap_or(chunking.max_tokens);
    chunking.min_tokens = file.chunking.min_tokens.unwrap_or(chunking.min_tokens);
    config.window_tokens = file.chunking.window_tokens;
    config.cache_bytes = file.memory.cache_bytes.unwrap_or(config.cache_bytes);
    config.indexing_memory_bytes = file.memory.indexing_bytes.unwrap_or(config.indexing_memory_bytes);
    config.in_flight_bytes = file.memory.in_flight_bytes.unwrap_or(config.in_flight_bytes);
    config
}
