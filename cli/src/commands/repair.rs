//! `neodex repair`: everything that can still be read, in a database that opens, and a list of what could not.

use anyhow::Result;
use neodex::{Damage, Repair};

use crate::context::Context;
use crate::exit::Status;
use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let path = &context.settings.db;
    let progress = Progress::steps(&context.output, "checking the store", None);
    let repaired = neodex::repair(path, &mut |doing, done, total| {
        progress.message(doing.to_owned());
        progress.of(done, total);
    });
    progress.finish();
    let repair = repaired?;
    // Opening it makes the indexes again.
    drop(context.open_existing()?);
    if context.output.json {
        context.output.print_json(&repair)?;
    } else {
        context.output.print(report(&context.output, &repair))?;
    }
    Ok(if repair.lost_something() { Status::Partly } else { Status::Done })
}

fn report(output: &Output, repair: &Repair) -> String {
    if !repair.damaged {
        return format!(
            "the store is sound: {}; the indexes were made again",
            units::plural(repair.documents, "document")
        );
    }
    let mut lines = Vec::new();
    let mut list = |what: &str, damages: &[Damage]| {
        let line = |damage: &Damage| format!("{what} {}: {}", output.shown(&damage.id), output.shown(&damage.reason));
        lines.extend(damages.iter().map(line));
    };
    list("lost", &repair.lost);
    list("possibly an older version of", &repair.older);
    list("without vectors:", &repair.without_vectors);
    if repair.nothing_left {
        lines.push("nothing at all could be read of the store: everything that was in it is lost".to_owned());
    }
    if repair.unnamed > 0 {
        lines.push(format!(
            "lost: {} of which nothing is left, not even an id",
            units::plural(repair.unnamed, "document")
        ));
    }
    if let Some((from, to)) = repair.missing_transactions {
        lines.push(format!("nothing was found of the transactions after {from} up to {to}: what they stored is lost"));
    }
    if repair.settings_lost {
        lines.push(
            "FORMAT was lost, and with it which model the vectors were of: `neodex reembed` makes new ones".to_owned(),
        );
    }
    if !repair.without_vectors.is_empty() {
        lines.push("`neodex reembed` makes the vectors that are missing".to_owned());
    }
    if let Some(file) = &repair.salvaged {
        lines.push(format!("what could be read of lost documents is in {}", file.display()));
    }
    if let Some(folder) = &repair.kept {
        lines.push(format!("the damaged store is kept in {}; remove it when nothing is missed", folder.display()));
    }
    lines.push(format!(
        "{} saved, {} lost, {} possibly older",
        units::plural(repair.documents, "document"),
        units::count(repair.lost.len() as u64 + repair.unnamed),
        units::count(repair.older.len() as u64),
    ));
    lines.join("\n")
}
