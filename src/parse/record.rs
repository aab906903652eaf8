//! A JSON object becomes a document: the named fields are id, title and text, all others are metadata.

use super::{RecordError, RecordFields};
use crate::document::{Document, DocumentId, Metadata};
use serde_json::{Map, Value};

/// The document of the record at `place`, which is its id where it has none of its own. A record that could not be read so far says why.
///
/// # Errors
/// Which field is missing or of the wrong kind.
pub(super) fn document(
    record: Result<Map<String, Value>, String>,
    fields: &RecordFields,
    place: &str,
) -> Result<Document, RecordError> {
    record.map_err(Fault::Other).and_then(|record| read(record, fields, place)).map_err(|fault| match fault {
        Fault::NoText(reason) => RecordError { lacks_text: true, ..RecordError::new(place, reason) },
        Fault::Other(reason) => RecordError::new(place, reason),
    })
}

/// What is wrong with a record, as a sentence.
enum Fault {
    NoText(String),
    Other(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

fn read(mut record: Map<String, Value>, fields: &RecordFields, fallback_id: &str) -> Result<Document, Fault> {
    let id = match &fields.id {
        Some(field) => match record.remove(field) {
            None | Some(Value::Null) => return Err(missing("id", field, &record).into()),
            found => found,
        },
        None => record.remove("id").or_else(|| record.remove("_id")),
    };
    let id = match id {
        None | Some(Value::Null) => fallback_id.to_owned(),
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) => id.to_string(),
        Some(other) => {
            return Err(format!("the id is {}, it must be a string or a number", kind(&other)).into());
        }
    };
    let title = string(&mut record, "title", fields.title.as_deref())?;
    let text = string(&mut record, "text", fields.text.as_deref())?;
    let text = match (text, &title) {
        (Some(text), _) => text,
        (None, Some(_)) if fields.text.is_none() => String::new(),
        (None, _) => {
            return Err(Fault::NoText(missing("text", fields.text.as_deref().unwrap_or("text"), &record)));
        }
    };
    let metadata = match record.remove("metadata") {
        Some(Value::Object(inner)) => {
            record.extend(inner);
            record
        }
        Some(Value::Null) | None => record,
        Some(other) => {
            record.insert("metadata".to_owned(), other);
            record
        }
    };
    let document = Document {
        id: DocumentId::from(id),
        title: title.unwrap_or_default(),
        text,
        headings: Vec::new(),
        metadata: Metadata::from(metadata),
    };
    document.check().map_err(|error| error.to_string())?;
    Ok(document)
}

fn string(record: &mut Map<String, Value>, role: &str, field: Option<&str>) -> Result<Option<String>, String> {
    match record.remove(field.unwrap_or(role)) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text)),
        // A column of numbers named as the title or the text is still something to find.
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
        Some(other) => {
            Err(format!("the field '{}' is {}, the {role} must be a string", field.unwrap_or(role), kind(&other)))
        }
    }
}

fn missing(role: &str, field: &str, record: &Map<String, Value>) -> String {
    let mut names: Vec<&str> = record.keys().map(String::as_str).take(8).collect();
    if record.len() > names.len() {
        names.push("...");
    }
    format!("no field '{field}' for the {role} (it has: {}); name the right one with --{role}-field", names.join(", "))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
