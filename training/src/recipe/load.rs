//! From a file and the command line to a [`Recipe`].

use std::path::{Path, PathBuf};

use super::{Recipe, overlay, overrides};
use crate::error::{Error, Result};

impl Recipe {
    /// Reads and checks the recipe in `path`, with `overrides` of the form `pretrain.stage.0.steps=100` laid over it first.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Recipe`] for a syntax error, an unknown key or a value of the wrong type; [`Error::Override`];
    /// [`Error::Config`] for a value that cannot be used.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        Self::load_with(path, &[], overrides)
    }

    /// As [`Recipe::load`], with the files `overlays` laid over the recipe, one after the other, before the overrides.
    ///
    /// # Errors
    /// As there; [`Error::Recipe`] naming the overlay that does not fit.
    pub fn load_with(path: &Path, overlays: &[PathBuf], overrides: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let mut recipe = Self::read(&text, path, overlays, overrides)?;
        recipe.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(recipe)
    }

    /// As [`Recipe::load`], from the text of a file. `path` is for messages.
    ///
    /// # Errors
    /// As there, without [`Error::Io`].
    pub fn parse(text: &str, path: &Path, overrides: &[String]) -> Result<Self> {
        Self::read(text, path, &[], overrides)
    }

    fn read(text: &str, path: &Path, overlays: &[PathBuf], overrides: &[String]) -> Result<Self> {
        let fault = |error: toml::de::Error| Error::Recipe {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        };
        // Without overlays and overrides the file is read as it is, so that a complaint quotes the line it is about.
        let recipe: Self = match (overlays, overrides) {
            ([], []) => toml::from_str(text).map_err(fault)?,
            _ => {
                let mut table: toml::Table = toml::from_str(text).map_err(fault)?;
                for path in overlays {
                    overlay::apply(&mut table, path)?;
                }
                for one in overrides {
                    overrides::apply(&mut table, one)?;
                }
                table.try_into().map_err(fault)?
            }
        };
        recipe.validate()?;
        Ok(recipe)
    }

    /// Checks that the sections fit each other and that every number is in its range.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key that cannot be used.
    pub fn validate(&self) -> Result<()> {
        self.model.validate()?;
        self.tokenizer.validate(&self.model)?;
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.run.validate()?;
        if let Some(pretrain) = &self.pretrain {
            pretrain.validate(&self.model)?;
        }
        if let Some(contrastive) = &self.contrastive {
            contrastive.validate(&self.model)?;
        }
        Ok(())
    }

    /// The section `[pretrain]`, which the command needs.
    ///
    /// # Errors
    /// [`Error::Config`] where it is absent.
    pub fn pretrain(&self) -> Result<&super::PretrainConfig> {
        self.pretrain.as_ref().ok_or_else(|| absent("pretrain"))
    }

    /// The section `[contrastive]`, which the command needs.
    ///
    /// # Errors
    /// [`Error::Config`] where it is absent.
    pub fn contrastive(&self) -> Result<&super::ContrastiveConfig> {
        self.contrastive.as_ref().ok_or_else(|| absent("contrastive"))
    }
}

fn absent(section: &str) -> Error {
    Error::config(section, format!("is absent; this command needs a section [{section}]"))
}
