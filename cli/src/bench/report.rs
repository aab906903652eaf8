//! `{"machine": {...}, "rows": [...]}`, and the same as a table.

use anyhow::Result;
use neodex_eval::Table;
use serde::Serialize;
use serde_json::{Map, Value};

use super::machine::Machine;
use crate::output::Output;

/// The report of a benchmark. Rows are JSON objects with the same fields; those become the table's columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Map<String, Value>>,
}

impl Report {
    /// A report of this machine.
    pub(crate) fn new() -> Self {
        Self { machine: Machine::this(), rows: Vec::new() }
    }

    /// Adds a row; anything but an object is left out.
    pub(crate) fn row(&mut self, row: Value) {
        if let Value::Object(fields) = row {
            self.rows.push(fields);
        }
    }

    /// Prints it as asked for.
    pub(crate) fn print(&self, output: &Output) -> Result<()> {
        if output.json {
            return output.print_json(self);
        }
        output.print(format!("{}\n\n{}", self.machine, self.tables().join("\n")))
    }

    /// One table for rows that follow each other and have the same fields. Benchmarks have many figures of few things, which make a line a field
    /// and a column a row; more rows than fit beside each other stand below each other.
    fn tables(&self) -> Vec<String> {
        let alike = |a: &Map<String, Value>, b: &Map<String, Value>| a.keys().eq(b.keys());
        let tables = self.rows.chunk_by(alike).map(|rows| match rows.len() {
            0..=SIDE_BY_SIDE => side_by_side(rows),
            _ => below_each_other(rows),
        });
        tables.map(|table| table.to_string()).collect()
    }
}

/// Rows that a terminal has room for beside each other.
const SIDE_BY_SIDE: usize = 5;

fn names(rows: &[Map<String, Value>]) -> impl Iterator<Item = &String> {
    rows.first().into_iter().flat_map(Map::keys)
}

fn value(row: &Map<String, Value>, name: &str) -> String {
    row.get(name).map_or(String::new(), cell)
}

fn side_by_side(rows: &[Map<String, Value>]) -> Table {
    let line = |name: &String| {
        std::iter::once(name.replace('_', " ")).chain(rows.iter().map(|row| value(row, name))).collect::<Vec<_>>()
    };
    let mut lines = names(rows).map(line);
    let mut table = Table::new(lines.next().unwrap_or_default());
    for line in lines {
        table.row(line);
    }
    table
}

/// What a row is about first.
fn below_each_other(rows: &[Map<String, Value>]) -> Table {
    let (mut names, rest): (Vec<&String>, Vec<&String>) = names(rows).partition(|name| *name == "what");
    names.extend(rest);
    let mut table = Table::new(names.iter().map(|name| name.replace('_', " ")).collect::<Vec<_>>());
    for row in rows {
        table.row(names.iter().map(|name| value(row, name)).collect::<Vec<_>>());
    }
    table
}

fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn few_rows_stand_beside_each_other_and_many_below() {
        let mut report = Report::new();
        report.row(json!({ "vectors": 3, "what": "build" }));
        (0..9).for_each(|width| report.row(json!({ "recall": 0.5, "what": format!("width {width}") })));
        let tables = report.tables();
        let lines: Vec<usize> = tables.iter().map(|table| table.lines().count()).collect();
        assert!(matches!(lines[..], [2, many] if many >= 10), "{tables:?}");
        assert!(tables.iter().any(|table| table.starts_with("what") && table.contains("0.500")), "{tables:?}");
    }
}
