//! One panel: a frame with axes, and curves in it.

use super::axis::{Axis, label};
use super::svg::{Anchor, Svg};

const FRAME: &str = "#d0d7de";
const GRID: &str = "#eaeef2";

/// Where a panel lies in the drawing, its labels outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A curve: its name in the legend, its points, and how it looks.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) colour: &'static str,
    pub(super) width: f64,
    pub(super) dots: bool,
}

/// A panel's content.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) curves: Vec<Curve>,
    /// Steps at which a stage begins, and what to call it.
    pub(super) marks: Vec<(f64, String)>,
    /// What the vertical axis must show, where that is less than all points.
    pub(super) shown: Vec<f64>,
    /// The last step.
    pub(super) steps: f64,
    /// Numbers on the vertical axis.
    pub(super) ticks: usize,
}

impl Panel {
    /// Draws it, with step numbers below if `numbered`.
    pub(super) fn draw(&self, svg: &mut Svg, place: Place, numbered: bool) {
        let Place { left, top, width, height } = place;
        let (right, bottom) = (left + width, top + height);
        let across = Axis { low: 0.0, high: self.steps.max(1.0), from: left, to: right };
        let up = Axis::around(self.shown.iter().copied(), bottom, top);
        for tick in up.ticks(self.ticks) {
            let y = up.place(tick);
            svg.line((left, y), (right, y), GRID, false);
            svg.text((left - 8.0, y + 4.0), Anchor::End, "tick", &label(tick));
        }
        for tick in across.ticks(8).into_iter().filter(|tick| tick.fract() == 0.0) {
            let x = across.place(tick);
            svg.line((x, top), (x, bottom), GRID, false);
            if numbered {
                svg.text((x, bottom + 18.0), Anchor::Middle, "tick", &label(tick));
            }
        }
        for (step, name) in &self.marks {
            let x = across.place(*step);
            svg.line((x, top), (x, bottom), "#8c959f", true);
            let fits = right - x > letters(name) + 10.0;
            let (x, anchor) = if fits { (x + 5.0, Anchor::Start) } else { (x - 5.0, Anchor::End) };
            svg.text((x, top + 14.0), anchor, "tick", name);
        }
        for curve in &self.curves {
            let points: Vec<(f64, f64)> = curve.points.iter().map(|&(x, y)| (across.place(x), up.place(y))).collect();
            svg.curve(&points, curve.colour, curve.width);
            if curve.dots {
                points.iter().for_each(|&point| svg.dot(point, curve.colour));
            }
        }
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        svg.curve(&corners, FRAME, 1.0);
        svg.text((left, top - 10.0), Anchor::Start, "name", self.title);
        self.legend(svg, right, top - 10.0);
        if numbered {
            svg.text((right, bottom + 34.0), Anchor::End, "tick", "step");
        }
    }

    /// The names of the curves, from the right edge to the left.
    fn legend(&self, svg: &mut Svg, right: f64, y: f64) {
        let mut x = right;
        for curve in self.curves.iter().rev().filter(|curve| !curve.name.is_empty()) {
            svg.text((x, y), Anchor::End, "tick", &curve.name);
            x -= letters(&curve.name) + 8.0;
            svg.line((x - 18.0, y - 4.0), (x, y - 4.0), curve.colour, false);
            if curve.dots {
                svg.dot((x - 9.0, y - 4.0), curve.colour);
            }
            x -= 36.0;
        }
    }
}

/// About how wide a text is; the exact width is the viewer's secret.
fn letters(text: &str) -> f64 {
    6.3 * text.chars().count() as f64
}
