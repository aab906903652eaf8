//! JSON values as bytes, exactly: text JSON may lose the last bit of a float, and a hash needs one spelling per value.

use super::DocumentError;
use serde_json::{Map, Number, Value};

/// The deepest nesting of a value; also bounds the recursion here.
pub(super) const MAX_DEPTH: usize = 64;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UNSIGNED: u8 = 3;
const SIGNED: u8 = 4;
const FLOAT: u8 = 5;
const STRING: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

/// Whether the value is nested at most `depth` levels deep.
pub(super) fn is_shallow(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth > 0 && items.iter().all(|item| is_shallow(item, depth - 1)),
        Value::Object(fields) => depth > 0 && fields.values().all(|item| is_shallow(item, depth - 1)),
        _ => true,
    }
}

/// Appends a LEB128 number.
pub(super) fn write_length(out: &mut Vec<u8>, mut length: u64) {
    while length >= 0x80 {
        out.push((length as u8) | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Appends a length and the bytes.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an object, its keys in order.
pub(super) fn write_object(out: &mut Vec<u8>, fields: &Map<String, Value>) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| key.as_str());
    write_length(out, sorted.len() as u64);
    for (key, value) in sorted {
        write_bytes(out, key.as_bytes());
        write_value(out, value);
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => {
            out.push(STRING);
            write_bytes(out, text.as_bytes());
        }
        Value::Array(items) => {
            out.push(ARRAY);
            write_length(out, items.len() as u64);
            for item in items {
                write_value(out, item);
            }
        }
        Value::Object(fields) => {
            out.push(OBJECT);
            write_object(out, fields);
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(unsigned) = number.as_u64() {
        out.push(UNSIGNED);
        write_length(out, unsigned);
    } else if let Some(signed) = number.as_i64() {
        out.push(SIGNED);
        out.extend_from_slice(&signed.to_le_bytes());
    } else {
        out.push(FLOAT);
        out.extend_from_slice(&number.as_f64().unwrap_or(0.0).to_le_bytes());
    }
}

/// Reads what the functions above wrote; every read is checked.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) fn error(&self, reason: &'static str) -> DocumentError {
        DocumentError::Corrupted { reason, position: self.position, length: self.bytes.len() }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], DocumentError> {
        let end = self.position.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.position..end)) {
            Some(taken) => {
                self.position += length;
                Ok(taken)
            }
            None => Err(self.error("it ends too early")),
        }
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        self.position = self.bytes.len();
        rest
    }

    pub(super) fn byte(&mut self) -> Result<u8, DocumentError> {
        Ok(self.take(1)?.first().copied().unwrap_or(0))
    }

    pub(super) fn number(&mut self) -> Result<u64, DocumentError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.error("a length has too many bytes"))
    }

    pub(super) fn length(&mut self) -> Result<usize, DocumentError> {
        usize::try_from(self.number()?).map_err(|_| self.error("a length is too large"))
    }

    pub(super) fn string(&mut self) -> Result<&'a str, DocumentError> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.error("a string is not UTF-8"))
    }

    pub(super) fn object(&mut self, depth: usize) -> Result<Map<String, Value>, DocumentError> {
        let count = self.length()?;
        let mut fields = Map::new();
        for _ in 0..count {
            let key = self.string()?.to_owned();
            fields.insert(key, self.value(depth)?);
        }
        Ok(fields)
    }

    fn eight(&mut self) -> Result<[u8; 8], DocumentError> {
        let bytes = self.take(8)?;
        bytes.try_into().map_err(|_| self.error("a number is cut off"))
    }

    fn value(&mut self, depth: usize) -> Result<Value, DocumentError> {
        Ok(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            UNSIGNED => Value::from(self.number()?),
            SIGNED => Value::from(i64::from_le_bytes(self.eight()?)),
            FLOAT => Number::from_f64(f64::from_le_bytes(self.eight()?))
                .map(Value::Number)
                .ok_or_else(|| self.error("a number is not finite"))?,
            STRING => Value::String(self.string()?.to_owned()),
            ARRAY if depth > 0 => {
                let count = self.length()?;
                // Every item takes a byte at least, so a lying count cannot reserve memory.
                let mut items = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    items.push(self.value(depth - 1)?);
                }
                Value::Array(items)
            }
            OBJECT if depth > 0 => Value::Object(self.object(depth - 1)?),
            ARRAY | OBJECT => return Err(self.error("a value is nested too deeply")),
            _ => return Err(self.error("a value is of no known kind")),
        })
    }
}
