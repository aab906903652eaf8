//! `neodex train check`: is a device's arithmetic right?

use anyhow::Result;
use neodex_eval::Table;
use neodex_training::op::check;
use serde_json::json;

use crate::context::Context;
use crate::exit::Status;

/// How far an operation may be off, relative to what is right: rounding to bf16, else f32 whose products a GPU takes in TF32.
const TOLERANCES: [(&str, f64); 2] = [("bf16", 1e-2), ("f32", 2e-3)];

/// Runs it.
pub(super) fn run(context: &Context) -> Result<Status> {
    let device = super::device(context)?;
    let errors = check::check(&device).map_err(neodex_training::Error::from)?;
    let sound = errors.iter().all(|(name, error)| is_sound(name, *error));
    if context.output.json {
        let row = |(name, error): &(String, f64)| {
            // JSON has no infinity; an output that is no number has no error.
            json!({"operation": name, "error": error.is_finite().then_some(error), "sound": is_sound(name, *error)})
        };
        let rows: Vec<_> = errors.iter().map(row).collect();
        context.output.print_json(&json!({"sound": sound, "rows": rows}))?;
    } else {
        let mut table = Table::new(["operation", "relative error", ""]);
        for (name, error) in &errors {
            let verdict = if is_sound(name, *error) { "" } else { "WRONG" };
            table.row([name.clone(), format!("{error:.1e}"), verdict.to_owned()]);
        }
        context.output.print(table)?;
    }
    Ok(if sound { Status::Done } else { Status::Partly })
}

/// Whether an operation, whose name ends with what it was computed in, is close enough.
fn is_sound(name: &str, error: f64) -> bool {
    let tolerance = TOLERANCES.iter().find(|(dtype, _)| name.ends_with(dtype)).map_or(0.0, |(_, tolerance)| *tolerance);
    error <= tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_follows_from_the_precision() {
        assert!(is_sound("swiglu [5, 7] f32", 1e-6) && !is_sound("swiglu [5, 7] f32", 5e-3));
        assert!(is_sound("swiglu [5, 7] bf16", 5e-3) && !is_sound("swiglu [5, 7] bf16", f64::INFINITY));
        assert!(!is_sound("swiglu", f64::NAN) && !is_sound("swiglu [5, 7] f32", f64::NAN));
    }
}
