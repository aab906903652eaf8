//! Logs on standard error, for people or for machines.

use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::{Error, Result};

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("`{text}` is not one of text, json")),
        }
    }
}

/// Starts logging for the whole process: `error`, `warn`, `info`, `debug`, `trace` or `off`, on standard error.
///
/// # Errors
/// For a level that is none, and when something else logs already.
pub fn start_logging(format: LogFormat, level: &str, colours: bool) -> Result<()> {
    let unknown = || Error::Setting {
        field: "--log-level",
        reason: format!("`{level}` is not one of off, error, warn, info, debug, trace"),
    };
    let level = LevelFilter::from_str(level).map_err(|_| unknown())?;
    // Other crates have more to say than anybody wants to know; their warnings are welcome.
    let ours = tracing_subscriber::filter::Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("neodex_server", level);
    let started = match format {
        LogFormat::Text => {
            let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
            registry().with(ours).with(lines).try_init()
        }
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry().with(ours).with(lines.with_writer(std::io::stderr)).try_init()
        }
    };
    started.map_err(|error| Error::System { what: "logging", reason: error.to_string() })
}
