//! The two files other programs want beside `tokenizer.json`, made from it.

use serde_json::{Map, Value, json};

/// The part each special token plays, and what the two families call it.
const ROLES: [(&str, [&str; 2]); 5] = [
    ("pad_token", ["[PAD]", "<pad>"]),
    ("unk_token", ["[UNK]", "<unk>"]),
    ("cls_token", ["[CLS]", "<s>"]),
    ("sep_token", ["[SEP]", "</s>"]),
    ("mask_token", ["[MASK]", "<mask>"]),
];

/// `tokenizer_config.json` and `special_tokens_map.json` for this `tokenizer.json`.
pub(super) fn companions(tokenizer: &Value, max_length: usize) -> (Value, Value) {
    let added = tokenizer.get("added_tokens").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let content = |token: &Value| token.get("content").and_then(Value::as_str).map(str::to_owned);
    let present: Vec<String> = added.iter().filter_map(content).collect();
    let special: Map<String, Value> = ROLES
        .iter()
        .filter_map(|(role, names)| {
            let name = names.iter().find(|name| present.iter().any(|token| token == *name))?;
            Some(((*role).to_owned(), json!(name)))
        })
        .collect();
    let wordpiece = tokenizer.pointer("/model/type").and_then(Value::as_str) == Some("WordPiece");
    let lowercase = tokenizer.pointer("/normalizer/lowercase").and_then(Value::as_bool).unwrap_or(false);
    let mut config = special.clone();
    config.extend([
        ("model_max_length".to_owned(), json!(max_length)),
        ("padding_side".to_owned(), json!("right")),
        ("model_input_names".to_owned(), json!(["input_ids", "attention_mask"])),
    ]);
    if wordpiece {
        config.insert("do_lower_case".to_owned(), json!(lowercase));
    }
    let class = if wordpiece { "BertTokenizerFast" } else { "PreTrainedTokenizerFast" };
    config.insert("tokenizer_class".to_owned(), json!(class));
    (Value::Object(config), Value::Object(special))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_found_by_name() {
        let tokenizer = json!({
            "added_tokens": [{"id": 0, "content": "[PAD]"}, {"id": 4, "content": "[MASK]"}],
            "normalizer": {"type": "BertNormalizer", "lowercase": true},
            "model": {"type": "WordPiece"},
        });
        let (config, special) = companions(&tokenizer, 512);
        assert_eq!(special, json!({"pad_token": "[PAD]", "mask_token": "[MASK]"}));
        assert_eq!(config.get("tokenizer_class"), Some(&json!("BertTokenizerFast")));
        assert_eq!(
            (config.get("do_lower_case"), config.get("model_max_length")),
            (Some(&json!(true)), Some(&json!(512)))
        );
        let (config, _) = companions(&json!({"model": {"type": "BPE"}}), 512);
        assert_eq!(config.get("tokenizer_class"), Some(&json!("PreTrainedTokenizerFast")));
    }
}
