//! What a filter means, without its syntax: a predicate over a document's metadata.
//!
//! A document that lacks a field fails every comparison with it; `Ne` and `Not` are complements, so it passes those. An array passes a
//! comparison when any of its elements does. Integers and floats are one kind of number; dates are points in time, whatever zone they
//! were written in.

use std::collections::BTreeSet;

/// A condition on a document's metadata.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// `field op value`.
    Compare {
        /// The metadata field; `a.b` reaches into nested objects.
        field: String,
        /// The comparison.
        op: Op,
        /// What to compare with.
        value: Value,
    },
    /// `field IN [values]`: equal to any of them.
    In {
        /// The metadata field.
        field: String,
        /// The values; none means that nothing passes.
        values: Vec<Value>,
    },
    /// `EXISTS field`: the document has the field with any value but null.
    Exists {
        /// The metadata field.
        field: String,
    },
    /// `NOT p`.
    Not(Box<Predicate>),
    /// All of them; none at all passes everything.
    And(Vec<Predicate>),
    /// Any of them; none at all passes nothing.
    Or(Vec<Predicate>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`
    Eq,
    /// `!=`: the complement of `=`.
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string, compared exactly and ordered by its bytes.
    Text(String),
    /// A point in time.
    Date {
        /// Microseconds since 1970-01-01T00:00:00Z.
        microseconds: i64,
        /// As it was written, to show it again.
        text: String,
    },
}

impl Op {
    /// The sign people type.
    pub fn symbol(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        }
    }
}

impl Value {
    /// What kind of value this is, in words for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::Date { .. } => "a date",
        }
    }
}

impl Predicate {
    /// Every field the predicate names.
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        let mut open = vec![self];
        while let Some(predicate) = open.pop() {
            match predicate {
                Predicate::Compare { field, .. } | Predicate::In { field, .. } | Predicate::Exists { field } => {
                    names.insert(field.as_str());
                }
                Predicate::Not(inner) => open.push(inner),
                Predicate::And(parts) | Predicate::Or(parts) => open.extend(parts),
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_at_every_depth() {
        let exists = |field: &str| Predicate::Exists { field: field.into() };
        let predicate = Predicate::And(vec![
            exists("b"),
            Predicate::Not(Box::new(Predicate::Or(vec![
                exists("a"),
                Predicate::In { field: "c".into(), values: vec![] },
            ]))),
        ]);
        assert_eq!(predicate.fields().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
