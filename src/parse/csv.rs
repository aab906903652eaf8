//! CSV and TSV with a header row: columns by name, the others become metadata. Read row by row.

use super::dispatch::{Emit, Parser};
use super::{Format, Limits, ParseError, RecordFields, Source, record};
use ::csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Reads CSV.
pub(super) struct CsvParser {
    fields: RecordFields,
}

impl CsvParser {
    pub(super) fn new(fields: RecordFields) -> Self {
        Self { fields }
    }
}

/// The csv reader's own buffer: what may have been read ahead of a row.
const BUFFER_BYTES: usize = 256 << 10;

impl Parser for CsvParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let since_row = Rc::new(Cell::new(0));
        let bounded =
            RowBound { inner: source.open(limits)?, since_row: Rc::clone(&since_row), limit: limits.max_record_bytes };
        let mut rows = ReaderBuilder::new()
            .delimiter(source.delimiter())
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(bounded);
        let mut row = ByteRecord::new();
        if !rows.read_byte_record(&mut row).map_err(from_csv)? {
            return Ok(());
        }
        let header = names(&row);
        while rows.read_byte_record(&mut row).map_err(from_csv)? {
            since_row.set(0);
            let line = row.position().map_or(0, ::csv::Position::line);
            let place = format!("{}#{line}", source.id());
            if emit(record::document(object(&header, &row), &self.fields, &place)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn names(row: &ByteRecord) -> Vec<String> {
    row.iter()
        .enumerate()
        .map(|(position, name)| {
            let name = if position == 0 { name.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(name) } else { name };
            match String::from_utf8_lossy(name).trim() {
                "" => format!("column{}", position + 1),
                name => name.to_owned(),
            }
        })
        .collect()
}

fn object(header: &[String], row: &ByteRecord) -> Result<Map<String, Value>, String> {
    if row.len() > header.len() {
        return Err(format!(
            "the row has {} cells, the header has {}: is a cell with a comma or a quote not quoted?",
            row.len(),
            header.len()
        ));
    }
    let cells = header.iter().zip(row.iter());
    Ok(cells
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(name, cell)| (name.clone(), value(name, &String::from_utf8_lossy(cell))))
        .collect())
}

/// Numbers and booleans are recognised, so that they can be compared in filters. Texts stay texts, and so do numbers
/// that would not print the same again (`007`, phone numbers, 20-digit ids).
fn value(name: &str, cell: &str) -> Value {
    if matches!(name, "id" | "_id" | "title" | "text") {
        return Value::from(cell);
    }
    match cell {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(whole) = cell.parse::<i64>()
        && whole.to_string() == cell
    {
        return Value::from(whole);
    }
    let plain = cell.strip_prefix('-').unwrap_or(cell);
    let decimal = plain.len() <= 17
        && plain.split_once('.').is_some_and(|(whole, part)| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(whole) && digits(part) && (whole == "0" || !whole.starts_with('0'))
        });
    if decimal && let Some(number) = cell.parse().ok().and_then(Number::from_f64) {
        return Value::Number(number);
    }
    Value::from(cell)
}

/// Fails once more than a row's worth has been read without a row coming out: an unclosed quote would else read the
/// rest of the file into memory.
struct RowBound<R> {
    inner: R,
    since_row: Rc<Cell<usize>>,
    limit: usize,
}

impl<R: Read> Read for RowBound<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let total = self.since_row.get() + read;
        self.since_row.set(total);
        if total > self.limit.saturating_add(BUFFER_BYTES) {
            let error =
                ParseError::TooLarge { what: "a row (is a quote left open?)".to_owned(), limit: self.limit as u64 };
            return Err(error.into_read());
        }
        Ok(read)
    }
}

fn from_csv(error: ::csv::Error) -> ParseError {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => ParseError::from_read(error),
        other => ParseError::malformed(Format::Csv, format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_recognised_only_when_nothing_is_lost() {
        assert_eq!(value("n", "42"), Value::from(42));
        assert_eq!(value("n", "-3.50"), Value::from(-3.5));
        assert_eq!(value("n", "TRUE"), Value::from(true));
        for text in ["007", "+4912345", "12345678901234567890123", "1.2.3", "1e5", "00.5", "", "x"] {
            assert_eq!(value("n", text), Value::from(text));
        }
        assert_eq!(value("id", "7"), Value::from("7"));
    }
}
