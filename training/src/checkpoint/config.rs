//! The JSON files beside the weights of a finished model.

use serde_json::{Value, json};

use super::export::Export;

/// `config.json`, with the keys of the released NeoBERT, so that its own code reads it too.
pub(super) fn model(export: &Export<'_>) -> Value {
    let Export { config, format, decoder, .. } = *export;
    let theirs = |class: &str| format!("chandar-lab/NeoBERT--model.{class}");
    let mut keys = json!({
        "architectures": [if decoder { "NeoBERTLMHead" } else { "NeoBERT" }],
        "auto_map": {
            "AutoConfig": theirs("NeoBERTConfig"),
            "AutoModel": theirs("NeoBERT"),
            "AutoModelForMaskedLM": theirs("NeoBERTLMHead"),
            "AutoModelForSequenceClassification": theirs("NeoBERTForSequenceClassification"),
        },
        "classifier_init_range": 0.02,
        "decoder_init_range": 0.02,
        "dim_head": config.head_dim(),
        "embedding_init_range": 0.02,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "max_length": config.max_length,
        "model_type": "neobert",
        "norm_eps": config.norm_eps,
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "pad_token_id": config.pad_token_id,
        "torch_dtype": format.torch_dtype(),
        "vocab_size": config.vocab_size,
    });
    if !export.variant.is_neobert() {
        keys["model_type"] = "neobert-variant".into();
        keys["architectures"] = json!(["NeoBERTVariant"]);
        keys["variant"] = json!(export.variant);
        keys.as_object_mut().into_iter().for_each(|keys| drop(keys.remove("auto_map")));
    }
    keys
}

/// The files of sentence-transformers: path in the folder, and content.
pub(super) fn sentence(export: &Export<'_>) -> Vec<(&'static str, Value)> {
    let step = |position: usize, path: &str, class: &str| json!({"idx": position, "name": position.to_string(), "path": path, "type": format!("sentence_transformers.models.{class}")});
    let prompts = json!({
        "prompts": {"query": export.query_prefix, "document": export.document_prefix},
        "default_prompt_name": null,
        "similarity_fn_name": "cosine",
        "matryoshka_dimensions": export.matryoshka,
    });
    let pooling = json!({
        "word_embedding_dimension": export.config.hidden_size,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
        "include_prompt": true,
    });
    let steps =
        json!([step(0, "", "Transformer"), step(1, "1_Pooling", "Pooling"), step(2, "2_Normalize", "Normalize"),]);
    vec![
        ("modules.json", steps),
        ("1_Pooling/config.json", pooling),
        ("config_sentence_transformers.json", prompts),
        ("sentence_bert_config.json", json!({"max_seq_length": export.max_seq_length, "do_lower_case": false})),
    ]
}
