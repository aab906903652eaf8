//! What is fuzzed of the server: the body and the query of every route that takes one. The first byte chooses the route, the rest is what is
//! sent. Whatever comes, it is answered: never with a fault of the server's own, whole, and in the shape that the answer says it has.
//!
//! Apart from the other targets, because those are tested by the library, which knows nothing of the server.

use std::sync::OnceLock;

use neodex::{Database, Document};
use neodex_server::fuzzing::Door;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

/// What one kind of request is.
pub(crate) struct Route {
    method: &'static str,
    /// With `{}` where what is sent goes, percent-encoded, if it does not go into the body.
    address: &'static str,
    kind: &'static str,
    /// `Content-Encoding`.
    packed: &'static str,
    /// A sound example.
    pub(crate) sound: &'static [u8],
}

const fn post(address: &'static str, kind: &'static str, sound: &'static str) -> Route {
    Route { method: "POST", address, kind, packed: "identity", sound: sound.as_bytes() }
}

const fn get(address: &'static str, sound: &'static str) -> Route {
    Route { method: "GET", address, kind: "", packed: "identity", sound: sound.as_bytes() }
}

/// An input's first byte is a place in this list.
pub(crate) const ROUTES: [Route; 19] = [
    post(
        "/v1/documents?wait=false",
        JSON,
        r#"{"id": "a/1", "title": "T", "text": "one\ntwo", "year": 1999, "headings": [{"level": 1, "text": "h", "offset": 4}], "metadata": {"x": [1, 2.5, null, {"y": true}], "d": "2024-02-29"}}"#,
    ),
    post("/v1/documents?wait=false", JSON, r#"[{"id": "b", "text": "otters"}, {"_id": 7, "title": "only \u00e9"}]"#),
    post(
        "/v1/documents?wait=false",
        LINES,
        "{\"id\":\"c\",\"text\":\"rivers\"}\r\n\n{\"id\":\"d\",\"text\":\"more\",\"tags\":[\"a\"]}\n",
    ),
    post("/v1/documents/delete?wait=false", JSON, r#"{"ids": ["a/2", "nothing"]}"#),
    post("/v1/documents/delete?wait=false", JSON, r#"{"filter": "year < 1900 AND lang IN ['en', 'd''e']"}"#),
    post(
        "/v1/search",
        JSON,
        r#"{"query": "otters rivers", "limit": 5, "offset": 1, "mode": "hybrid", "filter": "year >= 1999 OR NOT EXISTS year", "group": "none", "facets": ["year"], "explain": true, "weights": {"dense": 2.0, "lexical": 0.5}, "fusion": "rrf", "rrf_k": 10}"#,
    ),
    post("/v1/search", JSON, r#"{"vector": [1, 0, -0.5, 1e-3, 0, 0, 0, 0], "fusion": "relative", "mode": "dense"}"#),
    post("/v1/search", JSON, r#"{"query": "", "filter": "published < 2024-02-29T12:00:00Z AND draft = false"}"#),
    post(
        "/v1/embeddings",
        JSON,
        r#"{"input": ["one", "two"], "model": "m", "encoding_format": "base64", "dimensions": 4, "input_type": "query", "user": "u"}"#,
    ),
    post("/v1/embeddings", JSON, r#"{"input": [[1, 2], [3]]}"#),
    post(
        "/v1/rerank",
        JSON,
        r#"{"query": "q", "documents": ["one", {"text": "two"}], "top_n": 1, "return_documents": true}"#,
    ),
    post("/embed", JSON, r#"{"inputs": ["one", "two"], "normalize": true, "truncate": false, "prompt_name": "query"}"#),
    post("/rerank", JSON, r#"{"query": "q", "texts": ["one", "two"], "raw_scores": true, "return_text": true}"#),
    post("/login", "application/x-www-form-urlencoded", "key=a%2Bb&next=%2F%3Fq%3Da"),
    // A search of nothing, packed.
    Route {
        packed: "zstd",
        sound: &[40, 181, 47, 253, 32, 13, 105, 0, 0, 123, 34, 113, 117, 101, 114, 121, 34, 58, 34, 97, 34, 125],
        ..post("/v1/search", JSON, "")
    },
    get("/v1/documents?id={}", "a/1"),
    get("/v1/documents/{}", "a/1"),
    get("/?q={}&mode=hybrid&fragment=1", "otters"),
    get("/?q=otters&page=1&filter={}&f.year=1999", "year = 1999"),
];

/// Sends a request, see the module; the status of the answer, if it could be sent.
pub(crate) fn requests(bytes: &[u8]) -> Option<u16> {
    static DOOR: OnceLock<Door> = OnceLock::new();
    let (&place, sent) = bytes.split_first()?;
    let route = &ROUTES[usize::from(place) % ROUTES.len()];
    let (address, body) = match route.address.split_once("{}") {
        Some((before, after)) => (format!("{before}{}{after}", encoded(sent)), &[][..]),
        None => (route.address.to_owned(), sent),
    };
    let headers = [("content-type", route.kind), ("content-encoding", route.packed)];
    let headers = if route.method == "POST" { &headers[..] } else { &[] };
    let answer = DOOR.get_or_init(door).ask(route.method, &address, headers, body)?;
    let text = String::from_utf8_lossy(&answer.body);
    assert!(answer.status < 500 && !answer.broken, "{} {address}: {} {text}", route.method, answer.status);
    if answer.kind == JSON {
        assert!(is_json(&answer.body), "{} {address}: {text}", route.method);
    } else if answer.kind == LINES {
        assert!(answer.body.split_inclusive(|byte| *byte == b'\n').all(is_json), "{address}: {text}");
        assert!(!text.contains("\"code\":\"internal\""), "{address}: {text}");
    }
    Some(answer.status)
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// Every byte as `%XX`: a mutated address is one that the server has to read, not one that no client can send.
fn encoded(bytes: &[u8]) -> String {
    bytes.iter().take(4_096).map(|byte| format!("%{byte:02X}")).collect()
}

/// A server over a small database in memory or a temporary folder, for the whole process.
fn door() -> Door {
    let builder = Database::temporary_builder().expect("a folder");
    let db = builder.embedder(crate::words::WordEmbedder { dimension: 8 });
    let db = db.open().expect("a database");
    let documents = (0..20u64).map(|number| {
        let document = Document::new(format!("a/{number}"), format!("Otter{number} lives in rivers. ").repeat(9));
        document
            .title("Otters")
            .metadata("year", 1990 + number)
            .metadata("draft", number % 2 == 0)
            .metadata("lang", "en")
            .metadata("published", "2024-01-01")
    });
    db.insert_many(documents).expect("documents");
    db.flush().expect("an index");
    Door::over(db).expect("a server")
}
