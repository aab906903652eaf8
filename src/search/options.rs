//! The choices of a search, with the words people type for them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which legs a search runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By words and by meaning, fused.
    #[default]
    Hybrid,
    /// By meaning only.
    Dense,
    /// By words only.
    Lexical,
}

/// What a hit is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// A document, by its best passage.
    #[default]
    Document,
    /// Every passage by itself.
    None,
}

/// How the legs of a hybrid search become one list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Scores on one scale, each leg weighed by its own evidence: what the model could read of the query, how well words cover it, how
    /// clearly each leg's best stands out.
    #[default]
    Auto,
    /// Sum of weight / (k + rank).
    Rrf,
    /// Sum of weight × score, each leg's scores stretched to 0..1.
    Relative,
}

impl Mode {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Hybrid => "hybrid",
            Mode::Dense => "dense",
            Mode::Lexical => "lexical",
        }
    }
}

impl Fusion {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Fusion::Auto => "auto",
            Fusion::Rrf => "rrf",
            Fusion::Relative => "relative",
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "hybrid" => Ok(Mode::Hybrid),
            "dense" => Ok(Mode::Dense),
            "lexical" => Ok(Mode::Lexical),
            _ => Err(unknown("mode", text, "hybrid, dense or lexical")),
        }
    }
}

impl FromStr for Group {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "document" => Ok(Group::Document),
            "none" => Ok(Group::None),
            _ => Err(unknown("group", text, "document or none")),
        }
    }
}

impl FromStr for Fusion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Fusion::Auto),
            "rrf" => Ok(Fusion::Rrf),
            "relative" => Ok(Fusion::Relative),
            _ => Err(unknown("fusion", text, "auto, rrf or relative")),
        }
    }
}

fn unknown(field: &'static str, found: &str, known: &str) -> Error {
    Error::Argument { field, reason: format!("`{found}` is not one of {known}") }
}
