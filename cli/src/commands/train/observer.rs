//! What a run tells while it goes, as bars on a terminal.

use std::path::Path;

use neodex_training::Observer;
use neodex_training::progress::{HeldoutReport, StepReport};

use crate::output::Output;
use crate::progress::Progress;
use crate::units;

/// Draws what it is told: one bar at a time, and with `-v` lines above it.
pub(super) struct Bars {
    output: Output,
    /// What the bar is about, and the bar.
    shown: Option<(String, Progress)>,
    /// The loss last read, which a step between two readings has not.
    loss: Option<f64>,
    heldout: Option<f64>,
}

impl Bars {
    pub(super) fn new(output: &Output) -> Self {
        Self { output: *output, shown: None, loss: None, heldout: None }
    }

    /// Takes the bar away.
    pub(super) fn finish(&mut self) {
        if let Some((_, bar)) = self.shown.take() {
            bar.finish();
        }
    }

    /// The bar for `what`, after that of anything else is gone.
    fn bar(&mut self, what: &str, total: Option<u64>) -> Progress {
        match &self.shown {
            Some((shown, bar)) if shown == what => bar.clone(),
            _ => {
                self.finish();
                let bar = Progress::steps(&self.output, what, total);
                self.shown = Some((what.to_owned(), bar.clone()));
                bar
            }
        }
    }

    /// A line above the bar.
    fn say(&self, text: &str) {
        match &self.shown {
            Some((_, bar)) => bar.suspend(|| self.output.note(text)),
            None => self.output.note(text),
        }
    }

    fn line(&self, report: &StepReport) -> String {
        let mut parts = vec![report.phase.name().to_owned()];
        parts.extend(self.loss.map(|loss| format!("loss {loss:.3}")));
        parts.extend(self.heldout.map(|loss| format!("held-out {loss:.3}")));
        parts.push(format!("lr {:.1e}", report.lr));
        parts.push(format!("{} tokens/s", units::count(report.tokens_per_second as u64)));
        parts.extend(report.mfu.map(|share| format!("{:.0} % of the device", 100.0 * share)));
        parts.join(", ")
    }
}

impl Observer for Bars {
    fn preparing(&mut self, what: &str, done: u64, total: Option<u64>) {
        self.bar(what, total).at(done);
    }

    fn step(&mut self, report: &StepReport) {
        self.loss = report.loss.or(self.loss);
        let bar = self.bar(report.phase.name(), Some(report.total));
        bar.at(report.step);
        bar.message(self.line(report));
    }

    fn heldout(&mut self, report: &HeldoutReport) {
        self.heldout = Some(report.loss);
        if self.output.verbose {
            let HeldoutReport { step, loss, accuracy } = report;
            self.say(&format!("step {step}: held-out loss {loss:.4}, {:.1} % right", 100.0 * accuracy));
        }
    }

    fn checkpoint(&mut self, step: u64, path: &Path) {
        if self.output.verbose {
            self.say(&format!("step {step}: checkpoint {}", path.display()));
        }
    }

    fn note(&mut self, text: &str) {
        self.say(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use neodex_training::Phase;

    #[test]
    fn a_step_keeps_the_loss_read_before_it() {
        let cli = crate::args::Cli::parse_from(["neodex", "--quiet"]);
        let mut bars = Bars::new(&Output::new(&cli.global));
        let report = |loss| StepReport {
            phase: Phase::Pretrain,
            stage: 0,
            step: 5,
            total: 10,
            loss,
            lr: 0.000_6,
            tokens_per_second: 12_345.6,
            mfu: Some(0.314),
            eta: None,
        };
        bars.step(&report(Some(2.5)));
        bars.heldout(&HeldoutReport { step: 5, loss: 2.75, accuracy: 0.5 });
        bars.step(&report(None));
        let line = bars.line(&report(None));
        assert_eq!(line, "pretrain, loss 2.500, held-out 2.750, lr 6.0e-4, 12,345 tokens/s, 31 % of the device");
    }
}
