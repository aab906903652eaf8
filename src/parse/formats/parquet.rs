//! Parquet: a row is a record. Rows are read one after the other, so that a row group is never held as a whole.

use crate::parse::dispatch::{Emit, Parser};
use crate::parse::{Format, Limits, ParseError, RecordFields, Source, record};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};

/// Reads Parquet.
pub(super) struct ParquetParser {
    fields: RecordFields,
}

impl ParquetParser {
    pub(super) fn new(fields: RecordFields) -> Self {
        Self { fields }
    }
}

impl Parser for ParquetParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let file = source.seekable(limits)?;
        let reader = guarded(|| SerializedFileReader::new(file))?;
        let mut rows = guarded(|| reader.get_row_iter(None))?;
        for number in 1u64.. {
            // Printing a value can fail as reading it can: of times there are more than there are dates.
            let Some(row) = guarded(|| Ok(rows.next().transpose()?.map(|row| object(row, limits))))? else {
                break;
            };
            let place = format!("{}#{number}", source.id());
            if emit(record::document(row, &self.fields, &place)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The reader checks most of what a damaged file can hold and panics at the rest.
fn guarded<T>(read: impl FnOnce() -> ::parquet::errors::Result<T>) -> Result<T, ParseError> {
    match neodex_guard::call(read) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(ParseError::malformed(Format::Parquet, error)),
        Err(_) => Err(ParseError::malformed(Format::Parquet, "its pages are damaged")),
    }
}

fn object(row: Row, limits: &Limits) -> Result<Map<String, Value>, String> {
    let mut bytes = 0;
    let object = row
        .into_columns()
        .into_iter()
        .filter(|(_, field)| !matches!(field, Field::Null))
        .map(|(name, field)| {
            if let Field::Str(text) = &field {
                bytes += text.len();
            }
            (name, value(field))
        })
        .collect();
    if bytes > limits.max_record_bytes {
        return Err(format!("the row is longer than {} bytes", limits.max_record_bytes));
    }
    Ok(object)
}

fn value(field: Field) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::from(flag),
        Field::Byte(number) => Value::from(number),
        Field::Short(number) => Value::from(number),
        Field::Int(number) => Value::from(number),
        Field::Long(number) => Value::from(number),
        Field::UByte(number) => Value::from(number),
        Field::UShort(number) => Value::from(number),
        Field::UInt(number) => Value::from(number),
        Field::ULong(number) => Value::from(number),
        Field::Float16(number) => float(number.to_f64()),
        Field::Float(number) => float(f64::from(number)),
        Field::Double(number) => float(number),
        Field::Str(text) => Value::from(text),
        // Old writers do not mark their strings as such.
        Field::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes.data()).into_owned()),
        Field::Group(row) => {
            Value::Object(row.into_columns().into_iter().map(|(name, field)| (name, value(field))).collect())
        }
        Field::ListInternal(list) => list.elements().iter().cloned().map(value).collect(),
        Field::MapInternal(map) => Value::Object(
            map.entries()
                .iter()
                .map(|(key, field)| {
                    let key = match key {
                        Field::Str(key) => key.clone(),
                        other => other.to_string(),
                    };
                    (key, value(field.clone()))
                })
                .collect(),
        ),
        // Times and decimals, as they print.
        other => Value::from(other.to_string()),
    }
}
