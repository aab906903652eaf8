//! Numbers to the last bit, through JSON.
//!
//! JSON's decimals name every float exactly, but the reader here takes a shortcut that can be off by the last bit. So whoever writes reads
//! back what was written: a component of a vector that would change is written with more digits, which a 32-bit float never needs all of; a
//! number in metadata that would change has its bits written beside it, under its JSON pointer. Other programs need not care.

use std::collections::BTreeMap;

use serde::ser::{SerializeSeq, Serializer};
use serde_json::{Map, Number, Value};

/// Steps between neighbouring floats that the reader may be off by; a number that is further away was changed by somebody.
const MOST_STEPS: u64 = 8;

/// Writes a vector so that it reads back as it is.
///
/// # Errors
/// What the serializer says.
pub(super) fn vector<S: Serializer>(vector: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(vector.len()))?;
    for value in vector {
        let text = serde_json::to_string(value).unwrap_or_default();
        let read = serde_json::from_str::<f32>(&text);
        if read.is_ok_and(|read| read.to_bits() == value.to_bits()) {
            list.serialize_element(value)?;
        } else {
            list.serialize_element(&f64::from(*value))?;
        }
    }
    list.end()
}

/// The bits of the numbers in `metadata` that would not read back as they are.
pub(super) fn bits(metadata: &Map<String, Value>) -> BTreeMap<String, String> {
    let mut bits = BTreeMap::new();
    for (name, value) in metadata {
        walk(&step("", name), value, &mut bits);
    }
    bits
}

fn walk(pointer: &str, value: &Value, bits: &mut BTreeMap<String, String>) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = serde_json::to_string(number).unwrap_or_default();
            let (own, read) = (number.as_f64().unwrap_or_default(), serde_json::from_str::<f64>(&text));
            if !read.is_ok_and(|read| read.to_bits() == own.to_bits()) {
                bits.insert(pointer.to_owned(), format!("{:016x}", own.to_bits()));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(&step(pointer, &at.to_string()), item, bits);
            }
        }
        Value::Object(items) => {
            for (name, item) in items {
                walk(&step(pointer, name), item, bits);
            }
        }
        _ => {}
    }
}

fn step(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Puts the bits back that [`bits`] noted.
pub(super) fn restore(metadata: &mut Map<String, Value>, bits: &BTreeMap<String, String>) {
    if bits.is_empty() {
        return;
    }
    let mut whole = Value::Object(std::mem::take(metadata));
    for (pointer, bits) in bits {
        let Ok(bits) = u64::from_str_radix(bits, 16) else { continue };
        let Some(value) = whole.pointer_mut(pointer) else { continue };
        let near = value.as_f64().is_some_and(|read| read.to_bits().abs_diff(bits) <= MOST_STEPS);
        if let Some(exact) = Number::from_f64(f64::from_bits(bits)).filter(|_| near && value.is_f64()) {
            *value = Value::Number(exact);
        }
    }
    if let Value::Object(whole) = whole {
        *metadata = whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Row {
        #[serde(serialize_with = "vector")]
        vector: Vec<f32>,
    }

    /// Every exponent there is, with bits that look random; and the ends of the range.
    fn patterns() -> impl Iterator<Item = u64> {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let random = std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        });
        let ends = [0, 1, 1 << 63, f64::MIN_POSITIVE.to_bits(), f64::MAX.to_bits(), 0.1f64.to_bits(), 0.3f64.to_bits()];
        ends.into_iter().chain(random.take(40_000))
    }

    #[test]
    fn metadata_reads_back_as_it_was() {
        let numbers: Vec<f64> = patterns().map(f64::from_bits).filter(|number| number.is_finite()).collect();
        let list: Vec<Value> = numbers.iter().map(|number| Value::from(*number)).collect();
        let mut metadata = Map::new();
        metadata.insert("a/b~c".to_owned(), Value::Array(list));
        let noted = bits(&metadata);
        assert!(noted.len() > 100, "this would test nothing: {} numbers change", noted.len());
        let text = serde_json::to_string(&metadata).unwrap();
        let mut read: Map<String, Value> = serde_json::from_str(&text).unwrap();
        restore(&mut read, &noted);
        let read: Vec<u64> =
            read["a/b~c"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap().to_bits()).collect();
        assert!(read.into_iter().eq(numbers.iter().map(|number| number.to_bits())));
        // What somebody changed stays as they want it.
        let mut changed: Map<String, Value> = serde_json::from_str("{\"x\": 2.5}").unwrap();
        restore(&mut changed, &BTreeMap::from([("/x".to_owned(), format!("{:016x}", 7.5f64.to_bits()))]));
        assert_eq!(changed["x"], 2.5);
    }

    #[test]
    fn vectors_read_back_as_they_were() {
        let numbers = patterns().flat_map(|bits| [bits as u32, (bits >> 32) as u32]).map(f32::from_bits);
        let row = Row { vector: numbers.filter(|number| number.is_finite()).collect() };
        let read: Row = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
        let of = |row: &Row| row.vector.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert!(of(&read) == of(&row));
    }
}
