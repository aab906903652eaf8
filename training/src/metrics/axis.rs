//! Axes: which numbers get a tick, how they are written, and where they lie.

/// A linear axis from `low` to `high` over the pixels `from` to `to`, either way round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    /// An axis that shows all of `values`, with a little air, or 0 to 1 where there are none.
    pub(super) fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = match (low <= high, low < high) {
            (false, _) => (0.0, 1.0),
            (true, false) => (low - low.abs().max(1e-9) / 2.0, high + high.abs().max(1e-9) / 2.0),
            (true, true) => (low - (high - low) * 0.04, high + (high - low) * 0.04),
        };
        Self { low, high, from, to }
    }

    /// The pixel of a value; what lies outside is put on the edge.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value.clamp(self.low, self.high) - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// About `wanted` round numbers on the axis.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
        let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
        // A tick that rounding has pushed off the end of the axis is still on it.
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).take(50).map(|count| count as f64 * step).collect()
    }
}

/// A number as short as it can be said: `1.5M`, `20k`, `0.4`, `6e-4`.
pub(super) fn label(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    for (unit, name) in [(1e9, "B"), (1e6, "M"), (1e4, "k")] {
        if size >= unit {
            let unit = if name == "k" { 1e3 } else { unit };
            return trimmed(value / unit) + name;
        }
    }
    if size < 1e-2 {
        let mut power = size.log10().floor() as i32;
        let mut digits = trimmed(value / 10_f64.powi(power));
        if digits.trim_start_matches('-') == "10" {
            power += 1;
            digits = digits.replace("10", "1");
        }
        return format!("{digits}e{power}");
    }
    trimmed(value)
}

/// At most three digits after the point and about four in all, no zeros at the end.
fn trimmed(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => return format!("{value:.0}"),
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn ticks_are_round_and_on_the_axis() {
        let axis = Axis { low: 0.13, high: 0.91, from: 0.0, to: 1.0 };
        assert_eq!(axis.ticks(4).iter().map(|tick| label(*tick)).collect::<Vec<_>>(), ["0.2", "0.4", "0.6", "0.8"]);
        let axis = Axis { low: 0.0, high: 6e-4, ..axis };
        assert_eq!(axis.ticks(3).iter().map(|tick| label(*tick)).collect::<Vec<_>>(), ["0", "2e-4", "4e-4", "6e-4"]);
    }

    #[test]
    fn any_values_make_an_axis() {
        for values in [vec![], vec![3.0], vec![0.0, 0.0], vec![f64::NAN], vec![-1.0, f64::INFINITY, 2.0]] {
            let axis = Axis::around(values.into_iter(), 100.0, 0.0);
            assert!(axis.low < axis.high && !axis.ticks(5).is_empty());
            assert!((0.0..=100.0).contains(&axis.place(1e12)));
        }
    }

    #[test]
    fn labels_are_short() {
        let labels = [1_500_000.0, 65_536_000.0, 20_000.0, 1500.0, 0.25, 0.0006, 0.001, -0.00012].map(label);
        assert_eq!(labels, ["1.5M", "65.54M", "20k", "1500", "0.25", "6e-4", "1e-3", "-1.2e-4"]);
    }
}
