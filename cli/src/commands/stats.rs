//! `neodex stats`: the figures of the database.

use anyhow::Result;
use neodex::Stats;
use neodex_eval::Table;

use crate::context::Context;
use crate::exit::Status;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let stats = context.open_existing()?.stats()?;
    if context.output.json {
        context.output.print_json(&stats)?;
    } else {
        context.output.print(table(&stats))?;
    }
    Ok(Status::Done)
}

fn table(stats: &Stats) -> Table {
    let model = match &stats.model {
        Some(model) => format!("{} ({})", model.name, model.fingerprint.get(..12).unwrap_or(&model.fingerprint)),
        None => "none: words only".to_owned(),
    };
    let mut table = Table::new(["database", ""]);
    table
        .row(["documents", &units::count(stats.documents)])
        .row(["chunks", &units::count(stats.chunks)])
        .row(["vectors", &units::count(stats.vectors)])
        .row(["chunks without a vector", &units::count(stats.pending)])
        .row(["dimension", &stats.dimension.to_string()])
        .row(["distance", &stats.distance])
        .row(["model", &model])
        .row(["text", &units::bytes(stats.text_bytes)])
        .row(["store on disk", &units::bytes(stats.bytes.store)])
        .row(["word index on disk", &units::bytes(stats.bytes.lexical)])
        .row(["total on disk", &units::bytes(stats.bytes.total)])
        .row(["vectors in memory", &units::bytes(stats.bytes.vectors_in_memory)])
        .row(["segments of the word index", &units::count(stats.segments)])
        .row(["segments of the vector index", &units::count(stats.vector_segments)])
        .row(["vectors not sealed yet", &units::count(stats.unsealed_vectors)])
        .row(["format version", &stats.format_version.to_string()])
        .row(["sequence", &stats.sequence.to_string()]);
    table
}
