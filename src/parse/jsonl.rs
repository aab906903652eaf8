//! JSON Lines: one record a line, read as a stream.

use super::dispatch::{Emit, Parser};
use super::lines::{Line, read_line};
use super::{Limits, ParseError, RecordFields, Source, record};
use serde_json::Value;
use std::io::{BufReader, Read};

const BUFFER_BYTES: usize = 256 << 10;

/// Reads JSON Lines.
pub(super) struct JsonlParser {
    fields: RecordFields,
}

impl JsonlParser {
    pub(super) fn new(fields: RecordFields) -> Self {
        Self { fields }
    }
}

impl Parser for JsonlParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        read(source.open(limits)?, source.id(), &self.fields, limits, emit)
    }
}

/// Reads records from a stream; `name` stands in front of `#line`.
pub(super) fn read(
    reader: impl Read,
    name: &str,
    fields: &RecordFields,
    limits: &Limits,
    emit: &mut Emit<'_>,
) -> Result<(), ParseError> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    let mut buffer = Vec::new();
    for number in 1u64.. {
        let line = read_line(&mut reader, &mut buffer, limits.max_record_bytes).map_err(ParseError::from_read)?;
        let place = format!("{name}#{number}");
        let parsed = match line {
            Line::End => break,
            Line::TooLong => {
                Err(format!("the line is longer than {} bytes, so it was skipped", limits.max_record_bytes))
            }
            Line::Whole => {
                let bytes = match number {
                    1 => buffer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&buffer),
                    _ => &buffer,
                };
                if bytes.trim_ascii().is_empty() {
                    continue;
                }
                parse_line(bytes)
            }
        };
        if emit(record::document(parsed, fields, &place)).is_break() {
            break;
        }
    }
    Ok(())
}

fn parse_line(line: &[u8]) -> Result<serde_json::Map<String, Value>, String> {
    let text = String::from_utf8_lossy(line);
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the line is JSON but not an object".to_owned()),
        Err(error) => {
            // serde_json counts lines too, and there is only one.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            Err(format!("not JSON: {message} at column {}", error.column()))
        }
    }
}
