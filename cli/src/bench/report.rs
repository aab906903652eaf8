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
        output.print(format!("{}\n\n{}", self.machine, self.table()))
    }

    /// A line a field and a column a row: benchmarks have many figures of few things.
    fn table(&self) -> Table {
        let mut names: Vec<&str> = Vec::new();
        for name in self.rows.iter().flat_map(Map::keys) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let cells = |name: &str| {
            let value = |row: &Map<String, Value>| row.get(name).map_or(String::new(), cell);
            std::iter::once(name.replace('_', " ")).chain(self.rows.iter().map(value)).collect::<Vec<_>>()
        };
        let mut lines = names.into_iter().map(cells);
        let mut table = Table::new(lines.next().unwrap_or_default());
        for line in lines {
            table.row(line);
        }
        table
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.3}", number.as_f64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
