//! The curves of a run as one SVG file that needs nothing beside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::panel::{Curve, Panel, Place};
use super::row::{Heldout, Row, Train, read};
use super::svg::{Anchor, Svg};
use super::writer::METRICS;
use crate::error::{Error, Result};
use crate::run::Phase;

/// The file's name in the run's folder.
pub const PLOT: &str = "run.svg";

const WIDTH: f64 = 960.0;
const LEFT: f64 = 72.0;
const LOSS_HEIGHT: f64 = 300.0;
const RATE_HEIGHT: f64 = 120.0;
/// Height of a phase: title, loss, gap, rate, step numbers.
const PHASE_HEIGHT: f64 = 74.0 + LOSS_HEIGHT + 48.0 + RATE_HEIGHT + 52.0;
/// The smoothed curve forgets a row after about this share of the run.
const SMOOTHING: f64 = 0.02;
/// Rows that are drawn at most; a pixel cannot show more.
const POINTS: usize = 2_000;

/// Draws the curves of the run in `output` into [`PLOT`] there, and says where that is.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`]; [`Error::Data`] where the run has no figures yet.
pub fn plot(output: &Path) -> Result<PathBuf> {
    let metrics = output.join(METRICS);
    let rows = read(&metrics)?;
    if rows.is_empty() {
        return Err(Error::Data {
            path: metrics,
            reason: "no figures to draw; is this the folder of a run?".to_owned(),
        });
    }
    let path = output.join(PLOT);
    fs::write(&path, draw(&rows)).map_err(Error::io(&path))?;
    Ok(path)
}

/// The curves of `rows` as the text of an SVG file: for each phase the loss and the learning rate.
#[must_use]
pub fn draw(rows: &[Row]) -> String {
    let phases: Vec<Curves> =
        [Phase::Pretrain, Phase::Contrastive].into_iter().filter_map(|phase| Curves::of(rows, phase)).collect();
    let mut svg = Svg::default();
    let height = PHASE_HEIGHT * phases.len() as f64;
    svg.rectangle((0.0, 0.0), (WIDTH, height), "#ffffff");
    for (position, curves) in phases.iter().enumerate() {
        let top = PHASE_HEIGHT * position as f64;
        svg.text((LEFT, top + 30.0), Anchor::Start, "title", &curves.title());
        let place = Place { left: LEFT, top: top + 74.0, width: WIDTH - LEFT - 28.0, height: LOSS_HEIGHT };
        curves.loss().draw(&mut svg, place, false);
        let place = Place { top: place.top + LOSS_HEIGHT + 48.0, height: RATE_HEIGHT, ..place };
        curves.rate().draw(&mut svg, place, true);
    }
    svg.finish(WIDTH, height)
}

/// The rows of one phase.
struct Curves<'a> {
    phase: Phase,
    train: Vec<&'a Train>,
    heldout: Vec<&'a Heldout>,
}

impl<'a> Curves<'a> {
    fn of(rows: &'a [Row], phase: Phase) -> Option<Self> {
        let (mut train, mut heldout) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.phase() == phase) {
            match row {
                Row::Train(row) => train.push(row),
                Row::Heldout(row) => heldout.push(row),
            }
        }
        (!train.is_empty() || !heldout.is_empty()).then_some(Self { phase, train, heldout })
    }

    fn title(&self) -> String {
        let name = match self.phase {
            Phase::Pretrain => "Masked-language-model pretraining",
            Phase::Contrastive => "Contrastive tuning",
        };
        match self.train.last() {
            Some(last) => format!("{name}: {} steps, {} tokens", last.step, super::axis::label(last.tokens as f64)),
            None => name.to_owned(),
        }
    }

    fn steps(&self) -> f64 {
        let train = self.train.last().map_or(0, |row| row.step);
        self.heldout.last().map_or(train, |row| row.step.max(train)) as f64
    }

    fn marks(&self) -> Vec<(f64, String)> {
        let changes = self.train.windows(2).filter_map(|pair| match pair {
            [before, after] if before.stage != after.stage => {
                Some((before.step as f64, format!("stage {}", after.stage + 1)))
            }
            _ => None,
        });
        changes.collect()
    }

    fn loss(&self) -> Panel {
        let raw: Vec<(f64, f64)> = self.train.iter().map(|row| (row.step as f64, row.loss)).collect();
        let smooth = smoothed(&raw);
        let heldout: Vec<(f64, f64)> = self.heldout.iter().map(|row| (row.step as f64, row.loss)).collect();
        let shown = smooth.iter().chain(&heldout).map(|&(_, loss)| loss).collect();
        let named = |name: &str, last: Option<&(f64, f64)>| {
            last.map_or(name.to_owned(), |(_, loss)| format!("{name} {loss:.3}"))
        };
        let right = self.heldout.last().map_or(String::new(), |row| format!(" ({:.1} % right)", 100.0 * row.accuracy));
        let curve = |name, points: &[(f64, f64)], colour, width, dots| Curve {
            name,
            points: thinned(points),
            colour,
            width,
            dots,
        };
        let curves = vec![
            curve(String::new(), &raw, "#c6dbf5", 1.0, false),
            curve(named("training", smooth.last()), &smooth, "#0969da", 1.8, false),
            curve(named("held-out", heldout.last()) + &right, &heldout, "#d9622b", 1.8, true),
        ];
        let curves = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
        Panel { title: "Loss", curves, marks: self.marks(), shown, steps: self.steps(), ticks: 6 }
    }

    fn rate(&self) -> Panel {
        let points: Vec<(f64, f64)> = self.train.iter().map(|row| (row.step as f64, row.lr)).collect();
        let shown = points.iter().map(|&(_, rate)| rate).chain([0.0]).collect();
        let curve = Curve { name: String::new(), points: thinned(&points), colour: "#1a7f37", width: 1.8, dots: false };
        let marks = self.marks().into_iter().map(|(step, _)| (step, String::new())).collect();
        Panel { title: "Learning rate", curves: vec![curve], marks, shown, steps: self.steps(), ticks: 3 }
    }
}

/// An average that forgets exponentially, corrected for its start.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let keep = 1.0 - 1.0 / (SMOOTHING * points.len() as f64).max(1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    let finite = points.iter().filter(|(_, value)| value.is_finite());
    finite
        .map(|&(step, value)| {
            (sum, weight) = (keep * sum + value, keep * weight + 1.0);
            (step, sum / weight)
        })
        .collect()
}

/// Every so-manieth point and the last, so that the file stays small.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate().filter(|(at, (_, y))| (at % every == 0 || *at == last) && y.is_finite());
    kept.map(|(_, point)| *point).collect()
}
