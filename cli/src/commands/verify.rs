//! `neodex verify`: is everything as it was written?

use anyhow::Result;
use neodex::Verification;

use crate::context::Context;
use crate::exit::Status;
use crate::progress::Progress;
use crate::units;

/// Runs it.
pub(crate) fn run(context: &Context) -> Result<Status> {
    let database = context.open_existing()?;
    let progress = Progress::steps(&context.output, "values checked", None);
    let verification = database.verify(&mut |checked| progress.at(checked));
    progress.finish();
    let verification = verification?;
    if context.output.json {
        context.output.print_json(&verification)?;
    } else {
        context.output.print(report(&verification))?;
    }
    Ok(if verification.faults.is_empty() { Status::Done } else { Status::Unusable })
}

fn report(verification: &Verification) -> String {
    let mut lines: Vec<String> = verification
        .faults
        .iter()
        .map(|fault| match fault.key.as_str() {
            "" => format!("fault in {}: {}", fault.part, fault.reason),
            key => format!("fault in {} {key}: {}", fault.part, fault.reason),
        })
        .collect();
    let faults = match verification.faults.len() {
        0 => "no faults".to_owned(),
        faults => units::plural(faults as u64, "fault"),
    };
    lines.push(format!(
        "{} and {} ({}) checked: {faults}",
        units::plural(verification.documents, "document"),
        units::plural(verification.values, "value"),
        units::bytes(verification.bytes),
    ));
    lines.join("\n")
}
