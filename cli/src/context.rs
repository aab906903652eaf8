//! What every command has at hand: settings, output, the interrupt, and the way a database is opened.

use std::path::Path;

use anyhow::{Context as _, Result};
use neodex::{Database, NeoBert};
use tempfile::TempDir;

use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::settings::Settings;

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    /// What was chosen.
    pub(crate) settings: Settings,
    /// Where to print.
    pub(crate) output: Output,
    /// Ctrl-C.
    pub(crate) interrupt: Interrupt,
}

impl Context {
    /// Opens the database in `path`, and makes it if `create`.
    pub(crate) fn open(&self, path: &Path, model: Option<NeoBert>, create: bool) -> Result<Database> {
        self.output.detail(format!("database {}", path.display()));
        let mut builder = Database::builder(path).config(self.settings.config.clone()).create(create);
        if let Some(model) = model {
            builder = builder.embedder(model);
        }
        let database = builder.open()?;
        for notice in database.notices() {
            self.output.note(notice);
        }
        Ok(database)
    }

    /// A database in a folder of its own, which goes away with the second part of the answer.
    pub(crate) fn open_temporary(&self, model: Option<NeoBert>) -> Result<(Database, TempDir)> {
        let folder = tempfile::Builder::new().prefix("neodex-").tempdir().context("cannot make a temporary folder")?;
        Ok((self.open(&folder.path().join("database"), model, true)?, folder))
    }

    /// Opens the database of `--db` for a command that needs no model and makes none.
    pub(crate) fn open_existing(&self) -> Result<Database> {
        self.open(&self.settings.db, None, false)
    }
}
