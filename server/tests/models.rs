//! Embeddings and reranking in the shapes other servers made usual.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::{Running, WORDS, config, refused};
use serde_json::{Value, json};

fn vector(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|component| component.as_f64().unwrap() as f32).collect()
}

#[test]
fn embeddings_come_as_openai_has_them() {
    let server = Running::start(config());
    let embed = |body: Value| server.client().post("/v1/embeddings", &body).expect(200);
    let answer = embed(json!({"input": ["one apple", "two"], "model": "text-embedding-3-small", "user": "somebody"}));
    assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("words")));
    assert_eq!(vector(&answer["data"][0]["embedding"]), WORDS.vector("one apple"));
    assert_eq!((&answer["data"][1]["index"], &answer["data"][1]["object"]), (&json!(1), &json!("embedding")));
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() >= 3);

    let packed = embed(json!({"input": "one apple", "encoding_format": "base64"}));
    let bytes = STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let floats: Vec<f32> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(floats, WORDS.vector("one apple"));

    let short = vector(&embed(json!({"input": "one apple", "dimensions": 16}))["data"][0]["embedding"]);
    assert_eq!(short.len(), 16);
    assert!((short.iter().map(|component| component * component).sum::<f32>() - 1.0).abs() < 1e-5);
    embed(json!({"input": "a", "input_type": "query"}));
    embed(json!({"input": ""}));

    let refuse =
        |body: Value, status: u16, code: &str| refused(&server.client().post("/v1/embeddings", &body), status, code);
    assert_eq!(refuse(json!({"input": "a", "dimensions": 0}), 400, "invalid_argument")["field"], "dimensions");
    assert_eq!(refuse(json!({"input": "a", "dimensions": 65}), 400, "invalid_argument")["field"], "dimensions");
    assert_eq!(refuse(json!({"input": []}), 400, "invalid_argument")["field"], "input");
    assert!(
        refuse(json!({"input": [[1, 2], [3]]}), 400, "invalid_argument")["message"]
            .as_str()
            .unwrap()
            .contains("check_embedding_ctx_length")
    );
    refuse(json!({"input": [1, 2]}), 400, "invalid_argument");
    refuse(json!({"model": "m"}), 422, "invalid_request");
    refuse(json!({"input": {"a": 1}}), 422, "invalid_request");
    refuse(json!({"input": vec!["a"; 3_000]}), 413, "too_large");
    refuse(json!({"input": "word ".repeat(300_000)}), 413, "too_large");
    assert_eq!(server.client().get("/v1/models").expect(200)["data"][0]["id"], "words");
}

#[test]
fn texts_are_put_in_order() {
    let server = Running::start(config());
    let texts = ["a pear", "the apple harvest", "apple"];
    let answer = server
        .client()
        .post("/v1/rerank", &json!({"query": "apple", "documents": texts, "top_n": 2, "return_documents": true}))
        .expect(200);
    let order: Vec<u64> =
        answer["results"].as_array().unwrap().iter().map(|result| result["index"].as_u64().unwrap()).collect();
    assert_eq!(order, [2, 1]);
    assert_eq!(answer["results"][0]["document"]["text"], "apple");
    assert!((answer["results"][0]["relevance_score"].as_f64().unwrap() - 1.0).abs() < 1e-5);
    assert!(answer["id"].is_string() && answer["usage"]["total_tokens"].is_u64());
    let objects: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
    let again =
        server.client().post("/v1/rerank", &json!({"query": "apple", "documents": objects, "top_n": 2})).expect(200);
    assert_eq!(again["results"][0], json!({"index": 2, "relevance_score": answer["results"][0]["relevance_score"]}));

    let ranks = server
        .client()
        .post("/rerank", &json!({"query": "apple", "texts": texts, "raw_scores": true, "return_text": true}))
        .expect(200);
    assert_eq!((&ranks[0]["index"], &ranks[0]["text"]), (&json!(2), &json!("apple")));
    assert_eq!(ranks.as_array().unwrap().len(), 3);
    assert!(ranks[2]["score"].as_f64().unwrap() < 0.5);

    for (path, body, field) in [
        ("/v1/rerank", json!({"query": " ", "documents": ["a"]}), "query"),
        ("/v1/rerank", json!({"query": "a", "documents": []}), "documents"),
        ("/v1/rerank", json!({"query": "a", "documents": ["a"], "top_n": 0}), "top_n"),
        ("/rerank", json!({"query": "a", "texts": []}), "texts"),
        ("/embed", json!({"inputs": []}), "inputs"),
    ] {
        assert_eq!(refused(&server.client().post(path, &body), 400, "invalid_argument")["field"], field);
    }
}

#[test]
fn text_embeddings_inference_clients_find_what_they_know() {
    let server = Running::start(config());
    let vectors = server
        .client()
        .post("/embed", &json!({"inputs": ["one", "two"], "normalize": true, "truncate": true}))
        .expect(200);
    assert_eq!(vector(&vectors[1]), WORDS.vector("two"));
    let one =
        server.client().post("/embed", &json!({"inputs": "one", "prompt_name": "query", "dimensions": 8})).expect(200);
    assert_eq!(vector(&one[0]).len(), 8);
    let info = server.client().get("/info").expect(200);
    assert_eq!(
        (&info["model_id"], &info["reranker"], &info["dimension"]),
        (&json!("words"), &json!("bi-encoder"), &json!(64))
    );
    assert!(info["model_type"]["embedding"].is_object() && info["max_batch_tokens"].is_u64());
    assert_eq!(server.client().get("/health").status, 200);
}
