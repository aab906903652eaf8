//! The figures as people and scripts read them: serde structs whose JSON is the command line's contract, and plain tables.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evaluation::RankingMetrics;

/// What one search mode reached on a collection.
///
/// In JSON a flat object: `ndcg@10`, `recall@100`, `map`, `mrr@10`, `precision@10`, `queries_per_second`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ModeReport {
    /// The means over the judged queries.
    #[serde(flatten)]
    pub metrics: RankingMetrics,
    /// Queries answered a second, one after the other.
    pub queries_per_second: f64,
}

/// What every mode that ran reached on a collection. Modes that did not run are absent from the JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct BeirReport {
    /// Search by words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical: Option<ModeReport>,
    /// Search by vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<ModeReport>,
    /// Both, fused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid: Option<ModeReport>,
}

impl BeirReport {
    /// The modes that ran, by name, in the order they are shown.
    pub fn modes(&self) -> impl Iterator<Item = (&'static str, ModeReport)> {
        [("lexical", self.lexical), ("dense", self.dense), ("hybrid", self.hybrid)]
            .into_iter()
            .filter_map(|(name, report)| Some((name, report?)))
    }
}

impl fmt::Display for BeirReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["mode", "nDCG@10", "Recall@100", "MAP", "MRR@10", "P@10", "queries/s"]);
        for (mode, ModeReport { metrics, queries_per_second }) in self.modes() {
            let four = |value: f64| format!("{value:.4}");
            table.row([
                mode.to_owned(),
                four(metrics.ndcg_at_10),
                four(metrics.recall_at_100),
                four(metrics.map),
                four(metrics.mrr_at_10),
                four(metrics.precision_at_10),
                format!("{queries_per_second:.1}"),
            ]);
        }
        table.fmt(f)
    }
}

/// How well scores follow those of people on a file of sentence pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StsReport {
    /// Rank correlation, -1..=1: the figure that is usually quoted.
    pub spearman: f64,
    /// Linear correlation, -1..=1.
    pub pearson: f64,
    /// How many pairs they are over.
    pub pairs: usize,
}

impl fmt::Display for StsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(["Spearman", "Pearson", "pairs"]);
        table.row([format!("{:.4}", self.spearman), format!("{:.4}", self.pearson), self.pairs.to_string()]);
        table.fmt(f)
    }
}

/// Rows under headings. `Display` aligns them: a column of figures to the right, any other to the left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        Self { headings: headings.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells are shown empty, cells beyond the headings get a column without one.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(column)).map(String::as_str)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().chain([&self.headings]).map(Vec::len).max().unwrap_or(0);
        let heading = |column: usize| self.headings.get(column).map_or("", String::as_str);
        let layout: Vec<(usize, bool)> = (0..columns)
            .map(|column| {
                let width = self.cells(column).chain([heading(column)]).map(|cell| cell.chars().count()).max();
                let figures = self.cells(column).all(|cell| cell.is_empty() || cell.parse::<f64>().is_ok());
                (width.unwrap_or(0), figures && column > 0)
            })
            .collect();
        let rows = self.rows.iter();
        for (number, row) in std::iter::once(&self.headings).chain(rows).enumerate() {
            let mut line = String::new();
            for (column, &(width, right)) in layout.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let gap = if column == 0 { "" } else { "  " };
                // Not by a width in the format string: those panic beyond 65,535.
                let padding = " ".repeat(width - cell.chars().count());
                let (before, after) = if right { (padding.as_str(), "") } else { ("", padding.as_str()) };
                line.extend([gap, before, cell, after]);
            }
            let end = if number == self.rows.len() { "" } else { "\n" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn sample() -> BeirReport {
        let metrics =
            RankingMetrics { ndcg_at_10: 0.5, recall_at_100: 1.0, map: 0.25, mrr_at_10: 0.75, precision_at_10: 0.1 };
        BeirReport { lexical: Some(ModeReport { metrics, queries_per_second: 1234.5 }), ..BeirReport::default() }
    }

    #[test]
    fn the_json_has_the_contracts_keys_and_only_the_modes_that_ran() {
        let json = serde_json::to_value(sample()).unwrap();
        let expected = serde_json::json!({"lexical": {
            "ndcg@10": 0.5, "recall@100": 1.0, "map": 0.25, "mrr@10": 0.75, "precision@10": 0.1,
            "queries_per_second": 1234.5,
        }});
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<BeirReport>(json).unwrap(), sample());
        let sts = StsReport { spearman: 0.5, pearson: 0.25, pairs: 3 };
        assert_eq!(
            serde_json::to_value(sts).unwrap(),
            serde_json::json!({"spearman": 0.5, "pearson": 0.25, "pairs": 3})
        );
    }

    #[test]
    fn a_table_aligns_names_left_and_figures_right() {
        let expected = "\
mode     nDCG@10  Recall@100     MAP  MRR@10    P@10  queries/s
lexical   0.5000      1.0000  0.2500  0.7500  0.1000     1234.5";
        assert_eq!(sample().to_string(), expected);
        let mut table = Table::new(["名前", "note"]);
        table.row(["a", "x y"]).row(["bcd"]);
        assert_eq!(table.to_string(), "名前   note\na    x y\nbcd");
        table.row(["x".repeat(70_000), "y".into(), "beyond".into()]);
        assert!(table.to_string().ends_with("xx  y     beyond"));
    }
}
