//! What every command has at hand: settings, output, the interrupt, and the way a database is opened.

use std::path::Path;

use anyhow::Result;
use neodex::{Database, DatabaseBuilder, Embedder, GpuNeighbours, NeoBert, has_bundled_model};
use neodex_encoder::Device;

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
        // A command is over in a moment and should not wait for a batch begun in the background; `ingest` makes what is missing at its end.
        let builder = self.with_device(Database::builder(path)).create(create).background(false);
        let builder = match model {
            Some(model) => builder.embedder(model),
            // Nobody asked for words only: the database stays open for a model that a later program brings along.
            None if create && self.settings.model.is_none() && !has_bundled_model() => builder,
            None => builder.without_embedder(),
        };
        let database = builder.open()?;
        for notice in database.notices() {
            self.output.note(notice);
        }
        Ok(database)
    }

    /// With the settings of this run, and the GPU that was asked for by name, which serves vectors that were brought along as well.
    pub(crate) fn with_device(&self, builder: DatabaseBuilder) -> DatabaseBuilder {
        let output = self.output;
        let builder = builder.config(self.settings.config.clone()).on_notice(move |notice| output.note(notice));
        match self.settings.device {
            Device::Cuda(_) => builder.neighbours(GpuNeighbours::on(self.settings.device)),
            Device::Auto | Device::Cpu => builder,
        }
    }

    /// A database in a folder of its own, which goes away with the database.
    pub(crate) fn open_temporary(&self, model: Option<impl Embedder + 'static>) -> Result<Database> {
        let builder = self.with_device(Database::temporary_builder()?);
        Ok(match model {
            Some(model) => builder.embedder(model),
            None => builder.without_embedder(),
        }
        .open()?)
    }

    /// Opens the database of `--db` for a command that needs no model and makes none.
    pub(crate) fn open_existing(&self) -> Result<Database> {
        self.open(&self.settings.db, None, false)
    }
}
