//! How a run ended, as people and scripts read it.

use std::path::PathBuf;

use anyhow::Result;
use neodex_training::Summary;
use serde_json::json;

use crate::context::Context;
use crate::exit::Status;
use crate::units;

/// What a command of `train` made.
pub(super) enum Outcome {
    /// A tokenizer, here.
    Tokenizer(PathBuf),
    /// A run, or a part of one.
    Run(Summary),
}

/// Prints it, and says with which status to end.
pub(super) fn print(context: &Context, outcome: &Outcome) -> Result<Status> {
    match outcome {
        Outcome::Tokenizer(path) if context.output.json => context.output.print_json(&json!({"tokenizer": path}))?,
        Outcome::Tokenizer(path) => context.output.print(format!("tokenizer: {}", path.display()))?,
        Outcome::Run(summary) if context.output.json => context.output.print_json(summary)?,
        Outcome::Run(summary) => context.output.print(lines(summary))?,
    }
    let interrupted = matches!(outcome, Outcome::Run(summary) if summary.interrupted);
    Ok(if interrupted { Status::Interrupted } else { Status::Done })
}

fn lines(summary: &Summary) -> String {
    let (steps, total) = (units::count(summary.steps), units::count(summary.total_steps));
    let mut lines =
        vec![format!("{steps} of {total} steps, {}, {:.1} s", units::plural(summary.tokens, "token"), summary.seconds)];
    let loss = |name: &str, loss: Option<f64>| loss.map(|loss| format!("{name} {loss:.4}"));
    let accuracy = summary.heldout_accuracy.map(|share| format!("{:.1} % right", 100.0 * share));
    let figures = [loss("loss", summary.loss), loss("held-out loss", summary.heldout_loss), accuracy];
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    if !figures.is_empty() {
        lines.push(figures.join(", "));
    }
    if let Some(model) = &summary.model {
        lines.push(format!("model: {}", model.display()));
    } else if let Some(checkpoint) = &summary.checkpoint {
        lines.push(format!("checkpoint: {} (go on with --resume)", checkpoint.display()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_what_there_is_of_it() {
        let finished = Summary {
            steps: 1200,
            total_steps: 1200,
            tokens: 5_000_000,
            seconds: 12.34,
            loss: Some(2.5),
            heldout_loss: Some(2.75),
            heldout_accuracy: Some(0.5),
            model: Some("run/model".into()),
            ..Summary::default()
        };
        let expected = "1,200 of 1,200 steps, 5,000,000 tokens, 12.3 s\nloss 2.5000, held-out loss 2.7500, 50.0 % right\nmodel: run/model";
        assert_eq!(lines(&finished), expected);
        let stopped = Summary { checkpoint: Some("run/step-5".into()), steps: 5, total_steps: 9, ..Summary::default() };
        assert!(lines(&stopped).ends_with("checkpoint: run/step-5 (go on with --resume)"));
    }
}
