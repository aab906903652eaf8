//! Metadata as columns: a JSON object flattened to paths, one column per path and kind of value.
//!
//! The kind is part of the column's name, because tantivy would otherwise pick one type per column and segment (an integer beside a
//! float becomes a float) and filters would depend on what else happens to be in the segment. A string that reads as a date gets two
//! columns: its text, for facets, and the instant, for comparisons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};
use tantivy::schema::OwnedValue;

use super::date::parse_date;

/// Strings are compared by at most this many bytes.
const LONGEST_TEXT: usize = 8192;
/// Paths longer than this are not filterable.
const LONGEST_PATH: usize = 512;
/// Objects nested deeper than this are not filterable.
const DEEPEST: usize = 16;
/// Values of one document beyond this are not filterable.
const MOST_VALUES: usize = 10_000;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Integers of 64 bits.
    Integer,
    /// Every other number.
    Float,
    /// `true` and `false`.
    Bool,
    /// Strings that are no dates.
    Text,
    /// The text of strings that are dates.
    DateText,
    /// Their instants, in microseconds.
    Date,
}

/// The type of a metadata field as a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FieldType {
    /// `true` and `false`.
    Bool,
    /// Numbers, whole or not.
    Number,
    /// Strings.
    Text,
    /// Strings that are RFC 3339 dates.
    Date,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldType::Bool => "boolean",
            FieldType::Number => "number",
            FieldType::Text => "string",
            FieldType::Date => "date",
        })
    }
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Integer, Kind::Float, Kind::Bool, Kind::Text, Kind::DateText, Kind::Date];

    fn letter(self) -> char {
        match self {
            Kind::Integer => 'i',
            Kind::Float => 'f',
            Kind::Bool => 'b',
            Kind::Text => 's',
            Kind::DateText => 't',
            Kind::Date => 'd',
        }
    }

    /// The kind and the path of a column named by [`columns`].
    pub(super) fn split(column: &str) -> Option<(Kind, &str)> {
        let (letter, path) = column.split_once(':')?;
        Kind::ALL
            .into_iter()
            .find(|kind| letter.len() == 1 && letter.starts_with(kind.letter()))
            .map(|kind| (kind, path))
    }

    /// The type this kind is shown as.
    pub(super) fn field_type(self) -> FieldType {
        match self {
            Kind::Integer | Kind::Float => FieldType::Number,
            Kind::Bool => FieldType::Bool,
            Kind::Text => FieldType::Text,
            Kind::DateText | Kind::Date => FieldType::Date,
        }
    }
}

/// The columns of one document's metadata: names and distinct values.
pub(super) fn columns(metadata: &Map<String, Value>) -> Vec<(String, OwnedValue)> {
    let mut flat = Flat::default();
    flat.object("", metadata, 0);
    flat.columns
        .into_iter()
        .map(|(name, leaves)| (name, OwnedValue::Array(leaves.into_iter().map(Leaf::into_value).collect())))
        .collect()
}

/// The path of a field as columns spell it: control characters are tantivy's own.
pub(super) fn path(field: &str) -> String {
    field.chars().map(|c| if c < ' ' { '\u{FFFD}' } else { c }).collect()
}

/// The part of a string that is compared.
pub(super) fn compared(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}

/// A value, ordered so that a document's values can be made distinct.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leaf {
    Integer(i64),
    /// Bits of a finite float that is not -0.0.
    Float(u64),
    Bool(bool),
    Text(String),
}

impl Leaf {
    fn into_value(self) -> OwnedValue {
        match self {
            Leaf::Integer(value) => OwnedValue::I64(value),
            Leaf::Float(bits) => OwnedValue::F64(f64::from_bits(bits)),
            Leaf::Bool(value) => OwnedValue::Bool(value),
            Leaf::Text(text) => OwnedValue::Str(text),
        }
    }
}

#[derive(Default)]
struct Flat {
    columns: BTreeMap<String, BTreeSet<Leaf>>,
    values: usize,
}

impl Flat {
    fn object(&mut self, parent: &str, object: &Map<String, Value>, depth: usize) {
        for (name, value) in object {
            let name = path(name);
            let path = if depth == 0 { name } else { format!("{parent}.{name}") };
            if path.len() <= LONGEST_PATH {
                self.value(&path, value, depth + 1);
            }
        }
    }

    fn value(&mut self, path: &str, value: &Value, depth: usize) {
        match value {
            Value::Null => {}
            Value::Bool(value) => self.push(Kind::Bool, path, Leaf::Bool(*value)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => self.push(Kind::Integer, path, Leaf::Integer(integer)),
                // Adding zero turns -0.0 into 0.0, which equal each other and must share one place in the column.
                (None, Some(float)) => self.push(Kind::Float, path, Leaf::Float((float + 0.0).to_bits())),
                (None, None) => {}
            },
            Value::String(text) => {
                let short = compared(text).to_owned();
                match parse_date(text) {
                    Some(instant) => {
                        self.push(Kind::DateText, path, Leaf::Text(short));
                        self.push(Kind::Date, path, Leaf::Integer(instant));
                    }
                    None => self.push(Kind::Text, path, Leaf::Text(short)),
                }
            }
            Value::Array(_) | Value::Object(_) if depth > DEEPEST => {}
            Value::Array(elements) => {
                for element in elements {
                    self.value(path, element, depth + 1);
                }
            }
            Value::Object(object) => self.object(path, object, depth),
        }
    }

    fn push(&mut self, kind: Kind, path: &str, leaf: Leaf) {
        if self.values < MOST_VALUES
            && self.columns.entry(format!("{}:{path}", kind.letter())).or_default().insert(leaf)
        {
            self.values += 1;
        }
    }
}
