//! A predicate as a filter that [`parse`](super::parse) reads back to the same predicate.
//!
//! A function and not `Display`, because the predicate belongs to the index crate, which knows no syntax.

use std::fmt::Write;

use neodex_index::filter::{Predicate, Value};

use super::date;
use super::lexer::is_bare_name;
use super::parse::is_keyword;

/// Writes `predicate` in the filter language.
///
/// Whatever came from [`parse`](super::parse) is read back unchanged. Three things that can only be built by hand have no syntax: an
/// empty `And` or `Or` is written as `ALL` or `NONE`, a float that is infinite or not a number as Rust writes it, and an `And` or `Or` of
/// one part as that part.
pub fn to_text(predicate: &Predicate) -> String {
    let mut text = String::new();
    write(predicate, Place::Top, &mut text);
    text
}

/// What a predicate is part of: it decides whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    InOr,
    InAnd,
    InNot,
}

fn write(predicate: &Predicate, place: Place, text: &mut String) {
    match predicate {
        Predicate::Compare { field, op, value } => {
            write_field(field, text);
            *text += " ";
            *text += op.symbol();
            *text += " ";
            write_value(value, text);
        }
        Predicate::In { field, values } => {
            write_field(field, text);
            *text += " IN [";
            for (position, value) in values.iter().enumerate() {
                if position > 0 {
                    *text += ", ";
                }
                write_value(value, text);
            }
            *text += "]";
        }
        Predicate::Exists { field } => {
            *text += "EXISTS ";
            write_field(field, text);
        }
        Predicate::Not(inner) => {
            *text += "NOT ";
            write(inner, Place::InNot, text);
        }
        Predicate::And(parts) => {
            write_parts(parts, "ALL", " AND ", Place::InAnd, matches!(place, Place::InAnd | Place::InNot), place, text);
        }
        Predicate::Or(parts) => write_parts(parts, "NONE", " OR ", Place::InOr, place != Place::Top, place, text),
        // The index crate may learn a predicate before this one learns to write it.
        other => drop(write!(text, "{other:?}")),
    }
}

fn write_parts(
    parts: &[Predicate],
    empty: &str,
    separator: &str,
    inside: Place,
    parentheses: bool,
    place: Place,
    text: &mut String,
) {
    if let [only] = parts {
        return write(only, place, text);
    }
    if parts.is_empty() {
        *text += empty;
        return;
    }
    if parentheses {
        *text += "(";
    }
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            *text += separator;
        }
        write(part, inside, text);
    }
    if parentheses {
        *text += ")";
    }
}

fn write_field(field: &str, text: &mut String) {
    if is_bare_name(field) && !is_keyword(field) {
        *text += field;
    } else {
        *text += "`";
        *text += &field.replace('`', "``");
        *text += "`";
    }
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Bool(value) => *text += if *value { "true" } else { "false" },
        Value::Integer(value) => drop(write!(text, "{value}")),
        // With a point or an exponent even when it is whole, so that it stays a float.
        Value::Float(value) => drop(write!(text, "{value:?}")),
        Value::Text(value) => {
            *text += "'";
            *text += &value.replace('\\', "\\\\").replace('\'', "''");
            *text += "'";
        }
        Value::Date { microseconds, text: written } if date::microseconds(written) == Some(*microseconds) => {
            *text += written;
        }
        Value::Date { microseconds, .. } => *text += &date::to_text(*microseconds),
        other => drop(write!(text, "{other:?}")),
    }
}
