//! The curve over length as one SVG file that needs nothing beside it: lengths in octaves across, pseudo-perplexity up, a bar for the
//! interval of each point.

use std::fmt::Write;

use super::PerplexityReport;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Left, top, right and bottom of the frame.
const FRAME: (f64, f64, f64, f64) = (76.0, 56.0, 692.0, 356.0);
const INK: &str = "#0969da";
const GRID: &str = "#eaeef2";

impl PerplexityReport {
    /// The picture, as the text of an SVG file.
    pub fn picture(&self) -> String {
        let (left, top, right, bottom) = FRAME;
        let octaves = self.lengths.iter().map(|report| (report.length as f64).log2());
        let (first, last) = ends(octaves, 0.5);
        let (_, most) = ends(self.lengths.iter().map(|report| report.high), 0.0);
        let step = step(most);
        // From 0 as in the paper, so that a small rise does not look like a cliff.
        let highest = (most / step).ceil().max(1.0) * step;
        let across = |octave: f64| left + (octave - first) / (last - first) * (right - left);
        let up = |value: f64| bottom - value / highest * (bottom - top);
        let mut body = String::new();
        let mut put = |shape: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(body, "{shape}");
        };
        put(format!(r##"<rect width="{WIDTH:.0}" height="{HEIGHT:.0}" fill="#ffffff"/>"##));
        let title = format!("Pseudo-perplexity by length: {}", escaped(&self.model));
        put(format!(r#"<text x="{left:.1}" y="30" class="title">{title}</text>"#));
        let mut tick = 0.0;
        while tick <= highest + step / 2.0 {
            let y = up(tick);
            put(format!(r#"<line x1="{left:.1}" y1="{y:.1}" x2="{right:.1}" y2="{y:.1}" stroke="{GRID}"/>"#));
            let (x, y) = (left - 8.0, y + 4.0);
            put(format!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="end">{}</text>"#, shown(tick)));
            tick += step;
        }
        let mut points = String::new();
        for report in &self.lengths {
            let (x, y) = (across((report.length as f64).log2()), up(report.pseudo_perplexity));
            let (low, high) = (up(report.low), up(report.high));
            let label = bottom + 18.0;
            put(format!(r#"<line x1="{x:.1}" y1="{top:.1}" x2="{x:.1}" y2="{bottom:.1}" stroke="{GRID}"/>"#));
            put(format!(r#"<text x="{x:.1}" y="{label:.1}" text-anchor="middle">{}</text>"#, report.length));
            put(format!(r#"<line x1="{x:.1}" y1="{low:.1}" x2="{x:.1}" y2="{high:.1}" stroke="{INK}"/>"#));
            put(format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{INK}"/>"#));
            let (x, y) = (x + 8.0, y - 8.0);
            put(format!(r#"<text x="{x:.1}" y="{y:.1}" class="value">{:.2}</text>"#, report.pseudo_perplexity));
            let _ = write!(points, "{:.1},{:.1} ", x - 8.0, y + 8.0);
        }
        let points = points.trim_end();
        put(format!(r#"<polyline fill="none" stroke="{INK}" stroke-width="2" points="{points}"/>"#));
        let (wide, high) = (right - left, bottom - top);
        put(format!(
            r##"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{high:.1}" fill="none" stroke="#d0d7de"/>"##
        ));
        let y = bottom + 40.0;
        put(format!(r#"<text x="{right:.1}" y="{y:.1}" text-anchor="end">tokens of a text</text>"#));
        let style = "text{font:12px system-ui,'Helvetica Neue',Arial,sans-serif;fill:#57606a}\
                     .title{font-size:15px;font-weight:600;fill:#24292f}.value{fill:#24292f}";
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {HEIGHT:.0}\" width=\"{WIDTH:.0}\" \
             height=\"{HEIGHT:.0}\">\n<style>{style}</style>\n{body}</svg>\n"
        )
    }
}

/// The least and the most of finite values with `air` at either side; never an empty range.
fn ends(values: impl Iterator<Item = f64>, air: f64) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high { (0.0, 1.0) } else { (low - air, high + air) }
}

/// A round step of which about five reach `most`.
fn step(most: f64) -> f64 {
    let rough = (most / 5.0).max(1e-9);
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
}

fn shown(tick: f64) -> String {
    if tick.fract().abs() < 1e-9 { format!("{tick:.0}") } else { format!("{tick:.1}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pppl::Guesses;

    #[test]
    fn every_length_has_its_point_whatever_the_figures() {
        let mut guesses = Guesses::default();
        guesses.add(-2.0, true);
        guesses.add(-1.0, false);
        let lengths = [512, 1024].iter().filter_map(|&length| guesses.at(length)).collect();
        let picture = PerplexityReport { model: "a<b".to_owned(), lengths }.picture();
        assert_eq!(picture.matches("<circle").count(), 2);
        assert!(picture.contains("a&lt;b") && picture.contains(">4.48<") && picture.contains(">1024<"));
        assert!(PerplexityReport::default().picture().ends_with("</svg>\n"));
        assert!(!PerplexityReport::default().picture().contains("NaN"));
    }
}
