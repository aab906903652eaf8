//! The OpenAPI 3.1 document, made from the table of routes and the types they take and give. JSON Schema 2020-12 is what 3.1 is made of, so
//! what `schemars` says of a type goes in as it is.

pub(crate) mod html;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::auth::access::Access;
use crate::routes::{Content, Operation, Parameter};
use crate::wire::error::ErrorBody;

/// What each status means, in a refusal.
fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The request has a mistake.",
        401 => "There is no key, or a wrong one.",
        403 => "The key may not do this, or the server takes no writes.",
        404 => "There is no such thing.",
        408 => "The body came too slowly.",
        409 => "The database cannot do this as it is: it has no model, or is doing it already.",
        413 => "The body, or something in it, is too large.",
        415 => "The body is of a kind that is not taken here.",
        421 => "A server without keys answers to localhost only.",
        422 => "The body is JSON of another shape.",
        429 => "Too much is under way; `Retry-After` says when to come back.",
        503 => "The server is not ready, or on its way out.",
        _ => "Refused.",
    }
}

/// The document.
pub(crate) fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations {
        let path = operation.path.replace("{*", "{");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(operation.method.as_str().to_lowercase(), described(operation, &mut generator));
        }
    }
    generator.subschema_for::<ErrorBody>();
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "neodex",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Search documents by words and by meaning. Refusals are `{\"error\":{\"code\",\"message\",\"field\"?}}`. \
                Bodies and answers may be packed with gzip or zstd. Every answer has an `x-request-id`, the caller's own where it sends one.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Where the server has keys: one of them."},
                "header": {"type": "apiKey", "in": "header", "name": "api-key", "description": "The same in another header."},
            },
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation_id(operation),
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": responses(operation, generator),
    });
    let Some(fields) = described.as_object_mut() else { return described };
    if !operation.description.is_empty() {
        fields.insert("description".to_owned(), json!(operation.description));
    }
    if operation.access != Access::Open {
        fields.insert("security".to_owned(), json!([{"bearer": []}, {"header": []}, {}]));
    }
    if !operation.parameters.is_empty() {
        let parameters: Vec<Value> = operation.parameters.iter().map(|one| parameter(one, generator)).collect();
        fields.insert("parameters".to_owned(), json!(parameters));
    }
    if !operation.request.is_empty() {
        fields.insert(
            "requestBody".to_owned(),
            json!({"required": true, "content": contents(&operation.request, generator)}),
        );
    }
    described
}

/// Such as `post_v1_documents_delete`.
fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let method = operation.method.as_str().to_lowercase();
    [method.as_str()].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

fn parameter(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": (parameter.schema)(generator),
    })
}

fn contents(contents: &[Content], generator: &mut SchemaGenerator) -> Value {
    let described = contents.iter().map(|content| {
        let mut described = Map::new();
        if let Some(schema) = content.schema {
            described.insert("schema".to_owned(), json!(schema(generator)));
        }
        if let Some(example) = content.example.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            described.insert("example".to_owned(), example);
        }
        (content.media_type.to_owned(), Value::Object(described))
    });
    Value::Object(described.collect())
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let headers = json!({"x-request-id": {"schema": {"type": "string"}, "description": "The request's id."}});
    let answer = json!({"description": "Done.", "headers": headers, "content": contents(&operation.answer, generator)});
    responses.insert("200".to_owned(), answer);
    let mut refusals = operation.refusals.to_vec();
    match operation.access {
        Access::Open => {}
        Access::Read | Access::Page => refusals.extend([401]),
        Access::Write | Access::Admin => refusals.extend([401, 403, 503]),
    }
    if !operation.request.is_empty() {
        refusals.extend([400, 408]);
    }
    refusals.push(421);
    for status in refusals {
        let mut refusal = json!({
            "description": meaning(status),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        if status == 429 {
            refusal["headers"] = json!({"retry-after": {"schema": {"type": "integer"}, "description": "Seconds."}});
        }
        responses.insert(status.to_string(), refusal);
    }
    Value::Object(responses)
}
