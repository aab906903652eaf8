//! Predicates over columns: from a condition on metadata to the documents that meet it.
//!
//! Sets are over the rows of chunk 0. Comparisons become ranges that the columns answer by themselves, `Ne` and `Not` are complements
//! within the living documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::RangeInclusive;

use roaring::RoaringBitmap;
use tantivy::columnar::{Column, DynamicColumn, NumericalType, StrColumn};

use super::columns::{floats_to_float, floats_to_integer, integers_to_float, integers_to_integer};
use super::date::parse_date;
use super::generation::Generation;
use super::metadata::{self, FieldType, Kind};
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::filter::{Op, Predicate, Value};

/// The kinds of every metadata field in `generation`.
pub(super) fn known_fields(generation: &Generation) -> BTreeMap<String, BTreeSet<Kind>> {
    let mut known: BTreeMap<String, BTreeSet<Kind>> = BTreeMap::new();
    for segment in &generation.segments {
        for (path, columns) in &segment.layout.columns {
            known.entry(path.clone()).or_default().extend(columns.iter().map(|&(kind, _)| kind));
        }
    }
    known
}

/// Checks that every field is known and every comparison means something.
pub(super) fn check(predicate: &Predicate, known: &BTreeMap<String, BTreeSet<Kind>>) -> Result<()> {
    match predicate {
        Predicate::Compare { field, op, value } => check_value(field, Some(*op), value, known),
        Predicate::In { field, values } => {
            kinds_of(field, known)?;
            values.iter().try_for_each(|value| check_value(field, None, value, known))
        }
        Predicate::Exists { field } => {
            let nested = format!("{}.", metadata::path(field));
            if known.keys().any(|path| path.starts_with(&nested)) {
                return Ok(());
            }
            kinds_of(field, known).map(|_| ())
        }
        Predicate::Not(inner) => check(inner, known),
        Predicate::And(parts) | Predicate::Or(parts) => parts.iter().try_for_each(|part| check(part, known)),
    }
}

/// The kinds of one field, or the error that names those there are.
pub(super) fn kinds_of<'k>(field: &str, known: &'k BTreeMap<String, BTreeSet<Kind>>) -> Result<&'k BTreeSet<Kind>> {
    known
        .get(&metadata::path(field))
        .ok_or_else(|| Error::UnknownField { field: field.to_owned(), known: known.keys().cloned().collect() })
}

fn check_value(field: &str, op: Option<Op>, value: &Value, known: &BTreeMap<String, BTreeSet<Kind>>) -> Result<()> {
    let held: BTreeSet<FieldType> = kinds_of(field, known)?.iter().map(|kind| kind.field_type()).collect();
    let mismatch =
        |expected: String| Error::TypeMismatch { field: field.to_owned(), expected, found: value.kind().to_owned() };
    if matches!(value, Value::Bool(_)) && matches!(op, Some(Op::Lt | Op::Le | Op::Gt | Op::Ge)) {
        return Err(mismatch("true and false have no order, use = or !=".to_owned()));
    }
    let fits = match value {
        Value::Bool(_) => held.contains(&FieldType::Bool),
        Value::Integer(_) | Value::Float(_) => held.contains(&FieldType::Number),
        Value::Text(_) => held.contains(&FieldType::Text) || held.contains(&FieldType::Date),
        Value::Date { .. } => held.contains(&FieldType::Date),
    };
    if fits {
        return Ok(());
    }
    let held: Vec<String> = held.iter().map(|field_type| format!("{field_type}s")).collect();
    Err(mismatch(format!("it holds {}", held.join(" and "))))
}

/// The rows of chunk 0 of the living documents of `segment` that meet `predicate`.
pub(super) fn evaluate(predicate: &Predicate, segment: &Segment) -> Result<RoaringBitmap> {
    let everyone = living(segment);
    let mut met = meet(predicate, segment, &everyone)?;
    met &= everyone;
    Ok(met)
}

/// The rows of chunk 0 of all living documents.
pub(super) fn living(segment: &Segment) -> RoaringBitmap {
    (0..segment.layout.documents())
        .map(|document| segment.layout.rows_of(document).start)
        .filter(|&row| segment.is_alive(row))
        .collect()
}

/// May contain deleted documents, which the caller takes out.
fn meet(predicate: &Predicate, segment: &Segment, everyone: &RoaringBitmap) -> Result<RoaringBitmap> {
    Ok(match predicate {
        Predicate::Compare { field, op: Op::Ne, value } => everyone - compare(segment, field, Op::Eq, value)?,
        Predicate::Compare { field, op, value } => compare(segment, field, *op, value)?,
        Predicate::In { field, values } => {
            let mut any = RoaringBitmap::new();
            for value in values {
                any |= compare(segment, field, Op::Eq, value)?;
            }
            any
        }
        Predicate::Exists { field } => exists(segment, field)?,
        Predicate::Not(inner) => everyone - meet(inner, segment, everyone)?,
        Predicate::And(parts) => {
            let mut all = everyone.clone();
            for part in parts {
                all &= meet(part, segment, everyone)?;
            }
            all
        }
        Predicate::Or(parts) => {
            let mut any = RoaringBitmap::new();
            for part in parts {
                any |= meet(part, segment, everyone)?;
            }
            any
        }
    })
}

/// What a column is asked for.
enum Wanted {
    Integers(RangeInclusive<i64>),
    Floats(RangeInclusive<f64>),
    Bool(bool),
    Text(Op, String),
}

/// What `op value` asks of a column of `kind`; `None` when nothing there can meet it.
fn wanted(kind: Kind, op: Op, value: &Value) -> Option<Wanted> {
    match (kind, value) {
        (Kind::Integer, Value::Integer(value)) => integers_to_integer(op, *value).map(Wanted::Integers),
        (Kind::Integer, Value::Float(value)) => integers_to_float(op, *value).map(Wanted::Integers),
        (Kind::Float, Value::Integer(value)) => floats_to_integer(op, *value).map(Wanted::Floats),
        (Kind::Float, Value::Float(value)) => floats_to_float(op, *value).map(Wanted::Floats),
        (Kind::Bool, Value::Bool(value)) => Some(Wanted::Bool(*value)),
        (Kind::Date, Value::Date { microseconds, .. }) => integers_to_integer(op, *microseconds).map(Wanted::Integers),
        // Two dates are compared as instants even when the one in the filter came as a string.
        (Kind::Date, Value::Text(text)) => integers_to_integer(op, parse_date(text)?).map(Wanted::Integers),
        (Kind::DateText, Value::Text(text)) if parse_date(text).is_some() => None,
        (Kind::Text | Kind::DateText, Value::Text(text)) => Some(Wanted::Text(op, metadata::compared(text).to_owned())),
        _ => None,
    }
}

fn compare(segment: &Segment, field: &str, op: Op, value: &Value) -> Result<RoaringBitmap> {
    let mut found = RoaringBitmap::new();
    let path = metadata::path(field);
    for (kind, handle) in segment.layout.columns.get(&path).map(Vec::as_slice).unwrap_or_default() {
        let Some(wanted) = wanted(*kind, op, value) else { continue };
        let column = handle.open().map_err(Error::lexical("reading a metadata column"))?;
        match (wanted, column) {
            (Wanted::Integers(range), column) => {
                if let Some(DynamicColumn::I64(column)) = column.coerce_numerical(NumericalType::I64) {
                    select(&column, range, segment, &mut found);
                }
            }
            (Wanted::Floats(range), column) => {
                if let Some(DynamicColumn::F64(column)) = column.coerce_numerical(NumericalType::F64) {
                    select(&column, range, segment, &mut found);
                }
            }
            (Wanted::Bool(value), DynamicColumn::Bool(column)) => select(&column, value..=value, segment, &mut found),
            (Wanted::Text(op, text), DynamicColumn::Str(column)) => {
                let range = ordinals(&column, op, &text).map_err(Error::lexical("reading a metadata column"))?;
                if let Some(range) = range {
                    select(column.ords(), range, segment, &mut found);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Adds the rows of `column` with a value in `range`.
fn select<T>(column: &Column<T>, range: RangeInclusive<T>, segment: &Segment, found: &mut RoaringBitmap)
where
    T: PartialOrd + Copy + Debug + Send + Sync + 'static,
{
    // A range that lies wholly below the column's values would find the smallest of them in tantivy 0.27, so it is cut to fit first.
    let (least, most) = (column.min_value(), column.max_value());
    let first = if *range.start() < least { least } else { *range.start() };
    let last = if *range.end() > most { most } else { *range.end() };
    if column.values.num_vals() == 0 || first > last {
        return;
    }
    let mut rows = Vec::new();
    column.get_docids_for_value_range(first..=last, 0..segment.layout.rows(), &mut rows);
    found.extend(rows);
}

/// The ordinals of the strings `x` with `x op text`; ordinals are in the order of the strings' bytes.
fn ordinals(column: &StrColumn, op: Op, text: &str) -> std::io::Result<Option<RangeInclusive<u64>>> {
    let dictionary = column.dictionary();
    let count = dictionary.num_terms() as u64;
    let exact = dictionary.term_ord(text)?;
    // The first ordinal at or above `text`.
    let at = match exact {
        Some(ordinal) => ordinal,
        None => first_above(column, text, count)?,
    };
    let after = if exact.is_some() { at + 1 } else { at };
    let (first, end) = match op {
        Op::Eq | Op::Ne if exact.is_none() => return Ok(None),
        Op::Eq | Op::Ne => (at, after),
        Op::Lt => (0, at),
        Op::Le => (0, after),
        Op::Gt => (after, count),
        Op::Ge => (at, count),
    };
    Ok((first < end).then(|| first..=end - 1))
}

/// The first ordinal whose string is above `text`, by bisection.
fn first_above(column: &StrColumn, text: &str, count: u64) -> std::io::Result<u64> {
    let (mut low, mut high) = (0, count);
    let mut string = String::new();
    while low < high {
        let middle = low + (high - low) / 2;
        column.ord_to_str(middle, &mut string)?;
        if string.as_bytes() < text.as_bytes() { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

fn exists(segment: &Segment, field: &str) -> Result<RoaringBitmap> {
    let path = metadata::path(field);
    let nested = format!("{path}.");
    let mut found = RoaringBitmap::new();
    for (name, columns) in &segment.layout.columns {
        if *name != path && !name.starts_with(&nested) {
            continue;
        }
        for (_, handle) in columns {
            let column = handle.open().map_err(Error::lexical("reading a metadata column"))?;
            let index = column.column_index();
            for document in 0..segment.layout.documents() {
                let row = segment.layout.rows_of(document).start;
                if !index.value_row_ids(row).is_empty() {
                    found.insert(row);
                }
            }
        }
    }
    Ok(found)
}
