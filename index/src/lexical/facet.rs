//! Facets: how many documents have which value of a field.

use std::collections::HashMap;

use roaring::RoaringBitmap;
use tantivy::columnar::{DynamicColumn, NumericalType};

use super::metadata::{self, Kind};
use super::segment::Segment;
use crate::error::{Error, Result};

/// Counts by value, over several segments.
#[derive(Default)]
pub(super) struct Counts {
    values: HashMap<String, u64>,
}

impl Counts {
    /// Adds the values that `field` has in the documents whose chunk 0 is in `rows`.
    pub(super) fn add(&mut self, segment: &Segment, field: &str, rows: &RoaringBitmap) -> Result<()> {
        let path = metadata::path(field);
        for (kind, handle) in segment.layout.columns.get(&path).map(Vec::as_slice).unwrap_or_default() {
            // The instants repeat what the texts of the dates say.
            if *kind == Kind::Date {
                continue;
            }
            let column = handle.open().map_err(Error::lexical("reading a metadata column"))?;
            match (kind, column) {
                (Kind::Text | Kind::DateText, DynamicColumn::Str(column)) => {
                    let mut ordinals: HashMap<u64, u64> = HashMap::new();
                    for row in rows {
                        for ordinal in column.term_ords(row) {
                            *ordinals.entry(ordinal).or_default() += 1;
                        }
                    }
                    let mut text = String::new();
                    for (ordinal, count) in ordinals {
                        column.ord_to_str(ordinal, &mut text).map_err(Error::lexical("reading a metadata column"))?;
                        self.count(&text, count);
                    }
                }
                (Kind::Bool, DynamicColumn::Bool(column)) => {
                    for row in rows {
                        column
                            .values_for_doc(row)
                            .for_each(|value| self.count(if value { "true" } else { "false" }, 1));
                    }
                }
                (Kind::Integer, column) => {
                    if let Some(DynamicColumn::I64(column)) = column.coerce_numerical(NumericalType::I64) {
                        for row in rows {
                            column.values_for_doc(row).for_each(|value| self.count(&value.to_string(), 1));
                        }
                    }
                }
                (Kind::Float, column) => {
                    if let Some(DynamicColumn::F64(column)) = column.coerce_numerical(NumericalType::F64) {
                        for row in rows {
                            column.values_for_doc(row).for_each(|value| self.count(&value.to_string(), 1));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, value: &str, documents: u64) {
        match self.values.get_mut(value) {
            Some(count) => *count += documents,
            None => {
                self.values.insert(value.to_owned(), documents);
            }
        }
    }

    /// The `limit` most frequent values, ties in the order of the values.
    pub(super) fn into_top(self, limit: usize) -> Vec<(String, u64)> {
        let mut values: Vec<(String, u64)> = self.values.into_iter().collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(limit);
        values
    }
}
