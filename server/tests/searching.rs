//! What a search can be told, and the shape of its answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Running, WORDS, config, refused};
use neodex_server::wire::search::SearchAnswer;
use serde_json::{Value, json};

fn ids(answer: &Value) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["document_id"].as_str().unwrap()).collect()
}

#[test]
fn every_way_of_searching_answers_in_one_shape() {
    let server = Running::with_documents();
    let search = |body: Value| server.client().post("/v1/search", &body).expect(200);
    for body in [
        json!({"query": "cherry harvest"}),
        json!({"query": "cherry harvest", "mode": "dense", "explain": true}),
        json!({"query": "cherry harvest", "mode": "lexical", "explain": true, "facets": ["topic", "year"]}),
        json!({"query": "cherry harvest", "fusion": "rrf", "rrf_k": 10, "explain": true, "weights": {"dense": 0.2}}),
        json!({"query": "cherry harvest", "fusion": "relative", "group": "none"}),
        json!({"vector": WORDS.vector("cherry harvest")}),
        json!({"query": "cherry", "vector": WORDS.vector("harvest")}),
        json!({"filter": "topic = 'cherry' AND year >= 1995"}),
        json!({"query": "\"no such phrase\" cherry"}),
    ] {
        let answer = search(body.clone());
        // Strict: a field more or less than the document promises is an error here.
        let read: SearchAnswer =
            serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert!(!read.hits.is_empty(), "{body}");
        assert_eq!(answer["hits"][0]["metadata"]["topic"], "cherry", "{body}");
        assert_eq!(answer["explain"].is_object(), body["explain"] == true && body["mode"].is_null(), "{body}");
        let hit = &answer["hits"][0];
        let document = server.db.get(hit["document_id"].as_str().unwrap()).unwrap().unwrap();
        let span = hit["span"][0].as_u64().unwrap() as usize..hit["span"][1].as_u64().unwrap() as usize;
        assert_eq!(document.text[span], *hit["text"].as_str().unwrap());
    }
    assert_eq!(search(json!({"vector": WORDS.vector("cherry")}))["mode"], "dense");
    assert_eq!(search(json!({"query": "cherry", "vector": WORDS.vector("harvest")}))["mode"], "hybrid");
}

#[test]
fn the_answer_is_the_librarys_own() {
    let server = Running::with_documents();
    let own = server.db.search("banana").filter("year > 1992").facet("topic").explain().limit(3).run().unwrap();
    let mut own: Value = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
    let body = json!({"query": "banana", "filter": "year > 1992", "facets": ["topic"], "explain": true, "limit": 3});
    let mut over = server.client().post("/v1/search", &body).expect(200);
    for answer in [&mut own, &mut over] {
        answer.as_object_mut().unwrap().remove("took_ms");
    }
    assert_eq!(own, over);
}

#[test]
fn pages_follow_each_other_and_counts_stay() {
    let server = Running::with_documents();
    let page = |offset: usize| {
        server.client().post("/v1/search", &json!({"query": "harvest", "limit": 7, "offset": offset})).expect(200)
    };
    let all = server.client().post("/v1/search", &json!({"query": "harvest", "limit": 40})).expect(200);
    let pages: Vec<Value> = (0..6).map(|number| page(number * 7)).collect();
    let paged: Vec<&str> = pages.iter().flat_map(ids).collect();
    assert_eq!(paged, ids(&all));
    assert!(pages.iter().all(|page| page["total"] == 40));
}

#[test]
fn facets_count_documents() {
    let server = Running::with_documents();
    let answer = server
        .client()
        .post("/v1/search", &json!({"query": "harvest", "facets": ["topic"], "filter": "ripe = true"}))
        .expect(200);
    assert_eq!(
        answer["facets"],
        json!([{"field": "topic", "values": [{"value": "apple", "documents": 10}, {"value": "cherry", "documents": 10}]}])
    );
}

#[test]
fn mistakes_are_named() {
    let server = Running::with_documents();
    let refuse = |body: Value, status: u16, code: &str| {
        refused(&server.client().post("/v1/search", &body), status, code)["field"].clone()
    };
    assert_eq!(refuse(json!({}), 400, "invalid_argument"), "query");
    assert_eq!(refuse(json!({"query": "a", "limit": 0}), 400, "invalid_argument"), "limit");
    assert_eq!(refuse(json!({"query": "a", "limit": 100_000}), 400, "invalid_argument"), "limit");
    assert_eq!(refuse(json!({"query": "a", "offset": u64::MAX}), 400, "invalid_argument"), "offset");
    assert_eq!(refuse(json!({"query": "a", "filter": "year >"}), 400, "invalid_filter"), "filter");
    refuse(json!({"query": "a", "filter": "nobody = 1"}), 400, "invalid_argument");
    refuse(json!({"query": "a", "facets": ["nobody"]}), 400, "invalid_argument");
    assert_eq!(refuse(json!({"query": "a", "facets": vec!["topic"; 50]}), 400, "invalid_argument"), "facets");
    assert_eq!(refuse(json!({"query": "a", "weights": {"dense": -1}}), 400, "invalid_argument"), "weights");
    refuse(json!({"vector": [1, 2, 3]}), 400, "invalid_argument");
    assert_eq!(refuse(json!({"query": "a", "mode": "psychic"}), 422, "invalid_request"), "mode");
    assert_eq!(refuse(json!({"query": "a", "limt": 3}), 422, "invalid_request"), "limt");
    assert_eq!(refuse(json!({"query": 1}), 422, "invalid_request"), "query");
    assert_eq!(refuse(json!({"query": "a".repeat(40_000)}), 413, "too_large"), "query");
}

#[test]
fn without_a_model_meaning_is_a_conflict_and_words_are_enough() {
    let server = Running::start_with(config(), None);
    server.fill();
    let found = server.client().post("/v1/search", &json!({"query": "cherry"})).expect(200);
    assert_eq!((&found["mode"], found["hits"].as_array().unwrap().len()), (&json!("lexical"), 10));
    assert!(found["notes"][0].as_str().unwrap().contains("no model"));
    refused(&server.client().post("/v1/search", &json!({"query": "cherry", "mode": "dense"})), 409, "no_model");
    refused(&server.client().post("/v1/embeddings", &json!({"input": "a"})), 409, "no_model");
    refused(&server.client().post("/v1/rerank", &json!({"query": "a", "documents": ["b"]})), 409, "no_model");
    refused(&server.client().post("/embed", &json!({"inputs": "a"})), 409, "no_model");
    refused(&server.client().post("/rerank", &json!({"query": "a", "texts": ["b"]})), 409, "no_model");
    refused(&server.client().get("/info"), 409, "no_model");
    assert_eq!(server.client().get("/v1/models").expect(200)["data"], json!([]));
    server.ready();
}
