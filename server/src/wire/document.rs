//! Documents on their way in and out, and what became of them.

use neodex::document::MAX_ID_BYTES;
use neodex::{Document, DocumentId, Heading, Metadata, Stored};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::refusal::{Code, Refusal};

/// What an id is made of: no control characters.
pub(crate) const ID_PATTERN: &str = r"^[^\x00-\x1f\x7f-\x9f]+$";

/// A document. Fields other than these become metadata.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Document")]
pub struct DocumentBody {
    /// Its name, 1 to 512 bytes without control characters. `_id` is taken, too. Storing another document under it replaces this one.
    #[schemars(length(min = 1, max = MAX_ID_BYTES), regex(pattern = ID_PATTERN))]
    pub id: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Its text.
    pub text: String,
    /// The outline of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<HeadingBody>,
    /// Facts to filter and count by.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A heading of the text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Heading")]
pub struct HeadingBody {
    /// 1 for the outermost.
    #[serde(deserialize_with = "super::whole::number")]
    pub level: u8,
    /// Its words.
    pub text: String,
    /// Where its section starts, in bytes of the document's text.
    #[serde(deserialize_with = "super::whole::number")]
    pub offset: usize,
}

impl From<HeadingBody> for Heading {
    fn from(HeadingBody { level, text, offset }: HeadingBody) -> Self {
        Self { level, text, offset }
    }
}

/// One document or several.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DocumentsBody {
    /// Several.
    Many(Vec<DocumentBody>),
    /// One.
    One(Box<DocumentBody>),
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is new.
    Added,
    /// It replaced one of the same id.
    Replaced,
    /// The same was there already.
    Skipped,
    /// It was not stored.
    Failed,
}

/// What became of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentOutcome {
    /// The line of the stream, from 1; absent in the answer to JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The document's id, where it could be read.
    pub id: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why it was not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<super::error::ErrorDetail>,
}

/// What became of the documents of a request, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentsAnswer {
    /// One for each document.
    pub documents: Vec<DocumentOutcome>,
    /// How many are new.
    pub added: u64,
    /// How many replaced another.
    pub replaced: u64,
    /// How many were there already.
    pub skipped: u64,
    /// How many were not stored.
    pub failed: u64,
}

/// Which documents to delete: those with these ids, or those that pass a filter.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["ids"], "properties": {"ids": {"type": "array"}}},
    {"required": ["filter"], "properties": {"filter": {"type": "string"}}},
]))]
pub struct DeleteRequest {
    /// Ids; those that no document has are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// A filter expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// How many documents were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAnswer {
    /// Documents that were there and are not any more.
    pub deleted: u64,
}

impl From<Stored> for Status {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Added => Status::Added,
            Stored::Replaced => Status::Replaced,
            Stored::Skipped => Status::Skipped,
        }
    }
}

impl DocumentOutcome {
    /// A document that was not stored.
    pub(crate) fn failed(line: Option<u64>, mut id: Option<String>, refusal: &Refusal) -> Self {
        // An id that was refused for its length is not sent back whole.
        if let Some(id) = &mut id {
            id.truncate(id.floor_char_boundary(MAX_ID_BYTES));
        }
        Self { line, id, status: Status::Failed, error: Some(refusal.body().error) }
    }
}

/// A document from its JSON. On failure its id comes back where there is one, so that the sender knows which it was.
///
/// # Errors
/// 422 with the field that does not fit.
pub(crate) fn read(value: Value) -> Result<Document, (Option<String>, Refusal)> {
    let invalid = |reason: &str, field: &str| Refusal::new(Code::InvalidDocument, reason).field(field);
    let Value::Object(mut record) = value else {
        return Err((None, Refusal::new(Code::InvalidDocument, "a document is a JSON object with `id` and `text`")));
    };
    let id = match record.remove("id").or_else(|| record.remove("_id")) {
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err((None, invalid("a document needs an id, a string or a number", "id"))),
    };
    match fields(&id, record) {
        Ok(document) => match document.check() {
            Ok(()) => Ok(document),
            Err(error) => Err((Some(id), Refusal::new(Code::InvalidDocument, error.to_string()))),
        },
        Err((reason, field)) => Err((Some(id), invalid(reason, field))),
    }
}

fn fields(id: &str, mut record: Map<String, Value>) -> Result<Document, (&'static str, &'static str)> {
    let title = match record.remove("title") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(title)) => title,
        Some(_) => return Err(("the title must be a string", "title")),
    };
    let text = match record.remove("text") {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) if !title.is_empty() => String::new(),
        None | Some(Value::Null) => return Err(("a document needs a text, or at least a title", "text")),
        Some(_) => return Err(("the text must be a string", "text")),
    };
    let headings = match record.remove("headings") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => serde_json::from_value::<Vec<HeadingBody>>(value)
            .map_err(|_| ("headings are objects with `level`, `text` and `offset`", "headings"))?,
    };
    let headings: Vec<Heading> = headings.into_iter().map(Heading::from).collect();
    if headings.iter().any(|heading| !text.is_char_boundary(heading.offset)) {
        return Err(("a heading's offset must be a place in the text, in bytes", "headings"));
    }
    match record.remove("metadata") {
        None | Some(Value::Null) => {}
        Some(Value::Object(inner)) => record.extend(inner),
        Some(_) => return Err(("the metadata must be an object", "metadata")),
    }
    Ok(Document { id: DocumentId::from(id), title, text, headings, metadata: Metadata::from(record) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_goes_in_comes_out() {
        let document = read(json!({"_id": 7, "title": "T", "text": "a\nb", "year": 1999, "metadata": {"lang": "en"},
            "headings": [{"level": 1.0, "text": "b", "offset": 2}]}))
        .unwrap();
        assert_eq!(document.id, "7");
        assert_eq!(document.metadata.as_map(), json!({"lang": "en", "year": 1999}).as_object().unwrap());
        assert_eq!(read(serde_json::to_value(&document).unwrap()).unwrap(), document);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let field = |value: Value| read(value).unwrap_err().1.field;
        assert_eq!(field(json!({"text": "a"})).as_deref(), Some("id"));
        assert_eq!(field(json!({"id": [], "text": "a"})).as_deref(), Some("id"));
        assert_eq!(field(json!({"id": "a"})).as_deref(), Some("text"));
        assert_eq!(field(json!({"id": "a", "text": 1})).as_deref(), Some("text"));
        assert_eq!(field(json!({"id": "a", "text": "x", "metadata": 1})).as_deref(), Some("metadata"));
        assert_eq!(
            field(json!({"id": "a", "text": "é", "headings": [{"level": 1, "text": "", "offset": 1}]})).as_deref(),
            Some("headings")
        );
        let (id, refusal) = read(json!({"id": "", "text": "a"})).unwrap_err();
        assert_eq!((id.as_deref(), refusal.code), (Some(""), Code::InvalidDocument));
        assert!(read(json!([1])).is_err());
    }
}
