//! Storing, reading and deleting documents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Running, config, refused};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

#[test]
fn one_document_goes_in_comes_out_and_goes() {
    let server = Running::start(config());
    let client = server.client();
    let document = json!({"id": "notes/a b.md", "title": "A", "text": "Quokkas are small.", "metadata": {"year": 2020, "tags": ["x", "y"]}});
    let answer = client.post("/v1/documents", &document).expect(200);
    assert_eq!(answer["documents"], json!([{"id": "notes/a b.md", "status": "added"}]));
    assert_eq!(client.post("/v1/documents", &document).expect(200)["skipped"], 1);
    let mut changed = document.clone();
    changed["text"] = json!("Quokkas are not small.");
    assert_eq!(client.post("/v1/documents", &changed).expect(200)["documents"][0]["status"], "replaced");

    for path in ["/v1/documents/notes/a%20b.md", "/v1/documents/notes%2Fa%20b.md", "/v1/documents?id=notes/a+b.md"] {
        assert_eq!(client.get(path).expect(200), changed, "{path}");
    }
    // `wait` is the default: what was acknowledged is found.
    let found = client.post("/v1/search", &json!({"query": "quokkas"})).expect(200);
    assert_eq!(found["hits"][0]["document_id"], "notes/a b.md");

    assert_eq!(client.delete("/v1/documents/notes/a%20b.md").expect(200), json!({"deleted": 1}));
    refused(&client.delete("/v1/documents/notes/a%20b.md"), 404, "document_not_found");
    refused(&client.get("/v1/documents/notes/a%20b.md"), 404, "document_not_found");
    assert_eq!(client.post("/v1/search", &json!({"query": "quokkas"})).expect(200)["total"], 0);
}

#[test]
fn ids_that_look_like_routes_or_paths_are_ids() {
    let server = Running::start(config());
    let client = server.client();
    for id in ["delete", "..", "../../etc/passwd", "a?b#c%", "/", "ünïcode/日本", " "] {
        client.post("/v1/documents", &json!({"id": id, "text": format!("text of {id}")})).expect(200);
        let encoded: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [format!("/v1/documents?id={encoded}"), format!("/v1/documents/{encoded}")] {
            assert_eq!(client.get(&path).expect(200)["id"], id, "{path}");
        }
        client.delete(&format!("/v1/documents/{encoded}")).expect(200);
        refused(&client.delete(&format!("/v1/documents?id={encoded}")), 404, "document_not_found");
    }
    refused(&client.get("/v1/documents?id=a%00b"), 400, "invalid_argument");
    refused(&client.get("/v1/documents?id="), 400, "invalid_argument");
    refused(&client.get("/v1/documents/%ff"), 400, "invalid_argument");
    refused(&client.get("/v1/documents"), 400, "invalid_argument");
}

#[test]
fn an_array_is_answered_document_by_document() {
    let server = Running::start(config());
    let documents = json!([
        {"id": "a", "text": "first"},
        {"id": "b"},
        {"_id": 7, "text": "seven", "lang": "en"},
        {"id": "a", "text": "second"},
        "no document",
        {"id": "x".repeat(600), "text": "long id"},
    ]);
    let answer = server.client().post("/v1/documents", &documents).expect(200);
    let status: Vec<&str> =
        answer["documents"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["added", "failed", "added", "replaced", "failed", "failed"]);
    assert_eq!((&answer["added"], &answer["replaced"], &answer["failed"]), (&json!(2), &json!(1), &json!(3)));
    assert_eq!(answer["documents"][1]["error"]["field"], "text");
    assert_eq!(server.client().get("/v1/documents/a").expect(200)["text"], "second");
    assert_eq!(server.client().get("/v1/documents/7").expect(200)["metadata"]["lang"], "en");
    assert_eq!(server.client().post("/v1/documents", &json!([])).expect(200)["documents"], json!([]));
}

#[test]
fn a_document_sent_alone_is_refused_whole() {
    let server = Running::start(config());
    let error =
        refused(&server.client().post("/v1/documents", &json!({"id": "a", "text": 1})), 422, "invalid_document");
    assert_eq!(error["field"], "text");
    refused(&server.client().post("/v1/documents", &json!({"text": "a"})), 422, "invalid_document");
    refused(&server.client().post("/v1/documents", &json!(1)), 422, "invalid_document");
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    refused(
        &server.client().post("/v1/documents", &json!({"id": "a", "text": "a", "metadata": {"deep": deep}})),
        422,
        "invalid_document",
    );
}

#[test]
fn a_stream_is_answered_line_by_line() {
    let server = Running::start(config());
    let lines = concat!(
        "{\"id\":\"a\",\"text\":\"An aardvark.\"}\n",
        "\n",
        "not json\n",
        "{\"id\":\"b\",\"text\":\"A badger.\"}\r\n",
        "{\"text\":\"nameless\"}\n",
        "{\"id\":\"a\",\"text\":\"An aardvark.\"}"
    );
    let answer = server.client().send("POST", "/v1/documents", Some(NDJSON), lines.as_bytes());
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(NDJSON)));
    let mut lines = answer.lines();
    lines.sort_by_key(|line| line["line"].as_u64());
    let told: Vec<(u64, &str)> =
        lines.iter().map(|line| (line["line"].as_u64().unwrap(), line["status"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "added"), (3, "failed"), (4, "added"), (5, "failed"), (6, "skipped")]);
    assert_eq!(lines[1]["error"]["code"], "invalid_json");
    assert_eq!((&lines[0]["id"], &lines[1]["id"]), (&json!("a"), &Value::Null));
    assert_eq!(server.client().post("/v1/search", &json!({"query": "badger"})).expect(200)["total"], 1);
    assert_eq!(server.client().send("POST", "/v1/documents", Some(NDJSON), b"").lines(), Vec::<Value>::new());
}

#[test]
fn many_lines_all_get_an_answer() {
    let server = Running::start(config());
    let body: String = (0..2_000).map(|number| format!("{}\n", harness::document(number))).collect();
    let answer = server.client().send("POST", "/v1/documents?wait=false", Some(NDJSON), body.as_bytes());
    let lines = answer.lines();
    assert_eq!(lines.len(), 2_000);
    assert!(lines.iter().all(|line| line["status"] == "added"));
    assert_eq!(server.client().get("/v1/stats").expect(200)["documents"], 2_000);
}

#[test]
fn documents_are_deleted_by_ids_or_by_filter() {
    let server = Running::with_documents();
    let client = server.client();
    let delete = |body: Value| client.post("/v1/documents/delete", &body);
    assert_eq!(delete(json!({"ids": ["fruit/0.md", "fruit/1.md", "nobody"]})).expect(200), json!({"deleted": 2}));
    assert_eq!(delete(json!({"filter": "topic = 'cherry'"})).expect(200), json!({"deleted": 10}));
    assert_eq!(client.get("/v1/stats").expect(200)["documents"], 28);
    assert_eq!(client.post("/v1/search", &json!({"query": "cherry", "mode": "lexical"})).expect(200)["total"], 0);
    refused(&delete(json!({})), 422, "invalid_request");
    refused(&delete(json!({"ids": [], "filter": "a = 1"})), 422, "invalid_request");
    refused(&delete(json!({"id": "a"})), 422, "invalid_request");
    refused(&delete(json!({"filter": "topic ="})), 400, "invalid_filter");
    refused(
        &client.send("POST", "/v1/documents/delete?wait=maybe", Some("application/json"), b"{\"ids\":[]}"),
        400,
        "invalid_argument",
    );
}
