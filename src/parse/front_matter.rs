//! The block of `key: value` lines (`---`) or `key = value` lines (`+++`) at the top of a Markdown file.
//!
//! Only the simple cases that people write are understood: scalars, `[a, b]` and lists of `- item`. What is not
//! understood is kept as its text, never lost and never an error.

use crate::document::Metadata;
use serde_json::{Number, Value};

/// Splits off the front matter. The rest is the Markdown.
pub(super) fn split(text: &str) -> (Metadata, &str) {
    let whole = (Metadata::new(), text);
    let (fence, separator) = if text.starts_with("---") {
        ("---", ':')
    } else if text.starts_with("+++") {
        ("+++", '=')
    } else {
        return whole;
    };
    let mut lines = text.split_inclusive('\n');
    let mut read = match lines.next() {
        Some(first) if first.trim_end() == fence => first.len(),
        _ => return whole,
    };
    let mut metadata = Metadata::new();
    let mut list: Option<String> = None;
    for line in lines {
        read += line.len();
        let trimmed = line.trim();
        if trimmed == fence || (fence == "---" && trimmed == "...") {
            return (metadata, text.get(read..).unwrap_or_default());
        }
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let (Some(item), Some(key)) = (trimmed.strip_prefix("- "), &list) {
            append(&mut metadata, key, scalar(item));
            continue;
        }
        let indented = line.starts_with([' ', '\t']);
        match trimmed.split_once(separator) {
            Some((key, value)) if !indented && is_key(key.trim()) => {
                let key = key.trim().trim_matches('"').to_owned();
                match value.trim() {
                    "" => list = Some(key),
                    value => {
                        metadata.insert(key, parsed(value));
                        list = None;
                    }
                }
            }
            // Tables of TOML and nested maps of YAML: their fields would need names of their own.
            _ if indented || trimmed.starts_with('[') => {}
            // A rule and a paragraph, not front matter.
            _ => return whole,
        }
    }
    whole
}

fn is_key(key: &str) -> bool {
    let named = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | ' ');
    !key.is_empty() && key.len() <= 100 && key.chars().all(named)
}

fn append(metadata: &mut Metadata, key: &str, item: Value) {
    let mut items = match metadata.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    items.push(item);
    metadata.insert(key, items);
}

fn parsed(value: &str) -> Value {
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => {
            Value::Array(inner.split(',').map(str::trim).filter(|item| !item.is_empty()).map(scalar).collect())
        }
        None => scalar(value),
    }
}

fn scalar(value: &str) -> Value {
    let value = value.trim();
    for quote in ['"', '\''] {
        if value.len() >= 2
            && let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
        {
            return Value::from(inner);
        }
    }
    match value {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        "null" | "~" => return Value::Null,
        _ => {}
    }
    if let Ok(whole) = value.parse::<i64>() {
        return Value::from(whole);
    }
    let numeric = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let float = value.parse().ok().filter(|_| numeric).and_then(Number::from_f64);
    float.map_or_else(|| Value::from(value), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_and_toml() {
        let (metadata, rest) =
            split("---\ntitle: \"A: b\"\ntags:\n  - x\n  - y\nyear: 2020\ndraft: false\nk: [a, 2]\n---\n# Hi\n");
        assert_eq!(rest, "# Hi\n");
        assert_eq!(
            Value::from(metadata),
            json!({"title": "A: b", "tags": ["x", "y"], "year": 2020, "draft": false, "k": ["a", 2]})
        );
        let (metadata, rest) = split("+++\ntitle = 'T'\nweight = 1.5\n[extra]\n+++\nx");
        assert_eq!((Value::from(metadata), rest), (json!({"title": "T", "weight": 1.5}), "x"));
    }

    #[test]
    fn a_rule_is_not_front_matter() {
        for text in ["---\n\nJust a rule.\n\n---\nmore", "---\nnever: closed", "--- x\na: b\n---\n", ""] {
            let (metadata, rest) = split(text);
            assert!(metadata.is_empty());
            assert_eq!(rest, text);
        }
    }
}
