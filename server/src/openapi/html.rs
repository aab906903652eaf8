//! The OpenAPI document as a page to read: every route with what it takes, what it gives and a line to paste into a shell. It is made here, not
//! in the browser, so it needs neither script nor network.

use serde_json::{Map, Value};

use crate::ui::html::{Escaped, frame};

/// The page.
pub(crate) fn page(document: &Value) -> String {
    let mut operations = String::new();
    let mut contents = String::new();
    let none = Map::new();
    for (path, methods) in document["paths"].as_object().unwrap_or(&none) {
        for (method, operation) in methods.as_object().unwrap_or(&none) {
            let id = text(&operation["operationId"]);
            contents.push_str(&format!(
                "<li><a href=\"#{id}\"><code><b class=\"method\">{}</b> {}</code></a> {}</li>",
                Escaped(&method.to_uppercase()),
                Escaped(path),
                Escaped(text(&operation["summary"]))
            ));
            operations.push_str(&described(document, path, method, operation));
        }
    }
    let schemas = schemas(document);
    let about = Escaped(text(&document["info"]["description"]));
    let body = format!(
        "<main class=\"docs\"><h1>The API</h1><p>{about}</p>\
         <p>For programs: <a href=\"/openapi.json\">openapi.json</a>, OpenAPI 3.1.</p><ul class=\"contents\">{contents}</ul>\
         {operations}<h2 id=\"types\">Types</h2>{schemas}</main>"
    );
    frame("The API of neodex", "", &body)
}

fn described(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let mut page = format!(
        "<section id=\"{}\"><h2><code><b class=\"method\">{}</b> {}</code></h2><p><b>{}</b></p>",
        text(&operation["operationId"]),
        Escaped(&method.to_uppercase()),
        Escaped(path),
        Escaped(text(&operation["summary"]))
    );
    if let Some(description) = operation["description"].as_str() {
        page.push_str(&format!("<p>{}</p>", Escaped(description)));
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        page.push_str(&format!(
            "<p><code>{}</code> <span class=\"kind\">in {}{}</span> {}</p>",
            Escaped(text(&parameter["name"])),
            Escaped(text(&parameter["in"])),
            if parameter["required"] == true { ", required" } else { "" },
            Escaped(text(&parameter["description"]))
        ));
    }
    let none = Map::new();
    let request = operation["requestBody"]["content"].as_object().unwrap_or(&none);
    for (kind, content) in request {
        page.push_str(&format!("<p>Takes <code>{}</code>: {}</p>", Escaped(kind), type_of(&content["schema"])));
    }
    for (kind, content) in operation["responses"]["200"]["content"].as_object().unwrap_or(&none) {
        page.push_str(&format!("<p>Gives <code>{}</code>: {}</p>", Escaped(kind), type_of(&content["schema"])));
    }
    let refusals: Vec<&str> = operation["responses"]
        .as_object()
        .unwrap_or(&none)
        .keys()
        .map(String::as_str)
        .filter(|&s| s != "200")
        .collect();
    page.push_str(&format!("<p class=\"kind\">Refuses with {}.</p>", Escaped(&refusals.join(", "))));
    let example = request.values().find_map(|content| content.get("example"));
    page.push_str(&format!("<pre>{}</pre></section>", Escaped(&curl(document, path, method, example))));
    page
}

/// A line to paste.
fn curl(_document: &Value, path: &str, method: &str, example: Option<&Value>) -> String {
    let path = path.replace("{id}", "hnsw");
    let url = format!("http://127.0.0.1:{}{path}", crate::config::DEFAULT_PORT);
    match (method, example) {
        ("get", _) => format!("curl {url}"),
        (_, Some(example)) => format!("curl {url} -H 'content-type: application/json' -d '{example}'"),
        (method, None) => format!("curl -X {} {url}", method.to_uppercase()),
    }
}

/// Each type with its fields.
fn schemas(document: &Value) -> String {
    let none = Map::new();
    let mut page = String::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap_or(&none) {
        page.push_str(&format!(
            "<section id=\"type-{0}\"><h3><code>{0}</code></h3><p>{1}</p>",
            Escaped(name),
            Escaped(text(&schema["description"]))
        ));
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        if !properties.is_empty() {
            page.push_str("<table>");
            for (field, property) in properties {
                page.push_str(&format!(
                    "<tr><td><code>{}</code>{}</td><td class=\"kind\">{}</td><td>{}</td></tr>",
                    Escaped(field),
                    if required.contains(&field.as_str()) { " <span class=\"kind\">required</span>" } else { "" },
                    type_of(property),
                    Escaped(text(&property["description"]))
                ));
            }
            page.push_str("</table>");
        } else {
            page.push_str(&format!("<p class=\"kind\">{}</p>", type_of(schema)));
        }
        page.push_str("</section>");
    }
    page
}

/// A type in words, with links.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("<a href=\"#type-{0}\"><code>{0}</code></a>", Escaped(name));
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        if let Some(alternatives) = schema[alternatives].as_array() {
            return alternatives.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(value) = schema.get("const") {
        return format!("<code>{}</code>", Escaped(&value.to_string()));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|value| format!("<code>{}</code>", Escaped(&value.to_string()))).collect();
        return values.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", type_of(&schema["items"])),
        Value::String(kind) => Escaped(kind).to_string(),
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            Escaped(&kinds.join(" or ")).to_string()
        }
        _ => "anything".to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
