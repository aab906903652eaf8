//! The few shapes of SVG the curves need.

use std::fmt::Write;

/// A drawing that grows shape by shape. Lengths are pixels.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

/// Where a text stands from its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
        self.put(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, dashes: bool) {
        let dashes = if dashes { r#" stroke-dasharray="4 4""# } else { "" };
        self.put(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{stroke}"{dashes}/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through all points.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], stroke: &str, width: f64) {
        let mut list = String::with_capacity(points.len() * 12);
        for (x, y) in points {
            // Writing to a string cannot fail.
            let _ = write!(list, "{x:.1},{y:.1} ");
        }
        self.put(format_args!(
            r#"<polyline fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round" points="{}"/>"#,
            list.trim_end()
        ));
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), fill: &str) {
        self.put(format_args!(r##"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{fill}" stroke="#ffffff"/>"##));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.put(format_args!(r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#));
    }

    fn put(&mut self, shape: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.body, "{shape}");
    }

    /// The whole file.
    pub(super) fn finish(self, width: f64, height: f64) -> String {
        let style = "text{font:12px system-ui,'Helvetica Neue',Arial,sans-serif;fill:#57606a}\
                     .title{font-size:15px;font-weight:600;fill:#24292f}.name{font-weight:600;fill:#24292f}";
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}">
<style>{style}</style>
{}</svg>
"#,
            self.body
        )
    }
}
