//! What the server says about itself: the OpenAPI document, its page, figures, metrics, TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::sync::Arc;

use harness::{Running, config, read_answer};
use neodex_server::wire::status::StatsAnswer;
use neodex_server::{Server, ServerConfig, TlsFiles};
use serde_json::{Value, json};

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value.as_str() {
            Some(target) if name == "$ref" => drop(found.insert(target)),
            _ => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_whole_and_names_every_route() {
    let server = Running::start(config());
    let document = server.client().get("/openapi.json").expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    }
    for (path, methods) in [
        ("/v1/documents", &["delete", "get", "post"][..]),
        ("/v1/documents/{id}", &["delete", "get"]),
        ("/v1/documents/delete", &["post"]),
        ("/v1/search", &["post"]),
        ("/v1/embeddings", &["post"]),
        ("/v1/models", &["get"]),
        ("/v1/rerank", &["post"]),
        ("/embed", &["post"]),
        ("/rerank", &["post"]),
        ("/info", &["get"]),
        ("/v1/stats", &["get"]),
        ("/v1/snapshots", &["post"]),
        ("/metrics", &["get"]),
        ("/healthz", &["get"]),
        ("/readyz", &["get"]),
    ] {
        let own: Vec<&str> = document["paths"][path]
            .as_object()
            .unwrap_or_else(|| panic!("{path}"))
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(own, methods, "{path}");
    }
    let ids: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|methods| methods.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let page = server.client().get("/docs");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(ids.iter().all(|id| page.text().contains(&format!("id=\"{id}\""))));
}

#[test]
fn examples_in_the_document_work_as_they_stand() {
    let server = Running::with_documents();
    let document = server.client().get("/openapi.json").expect(200);
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let example = &methods["post"]["requestBody"]["content"]["application/json"]["example"];
        // A filter may only name fields that some document has.
        let known = example["filter"].is_null() && path != "/v1/search";
        if example.is_object() && known {
            server.client().post(path, example).expect(200);
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn figures_for_people_and_for_prometheus() {
    let server = Running::with_documents();
    server.ready();
    let stats = server.client().get("/v1/stats").expect(200);
    let read: StatsAnswer = serde_json::from_value(stats.clone()).unwrap();
    assert_eq!((read.documents, read.pending), (40, 0));
    let mut own = serde_json::to_value(server.db.stats().unwrap()).unwrap();
    own["bytes"] = stats["bytes"].clone();
    assert_eq!(own, stats);

    server.client().post("/v1/search", &json!({"query": "apple"})).expect(200);
    server.client().get("/v1/documents/fruit/1.md").expect(200);
    server.client().get("/v1/documents/nobody");
    let metrics = server.client().get("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = metrics.text();
    for line in [
        "neodex_documents 40",
        "neodex_ready 1",
        "neodex_http_request_seconds_count{method=\"POST\",route=\"/v1/search\",status=\"200\"} 1",
        "neodex_http_request_seconds_count{method=\"GET\",route=\"/v1/documents/{*id}\",status=\"404\"} 1",
        "neodex_search_seconds_count{mode=\"hybrid\"} 1",
        "# TYPE neodex_http_request_seconds histogram",
    ] {
        assert!(text.lines().any(|own| own == line), "no {line} in\n{text}");
    }
    // Every sample belongs to a family that was announced.
    let families: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .filter(|name| families.contains(name));
        assert!(families.contains(family.unwrap_or(name)), "{line}");
    }
}

#[test]
fn tls_from_pem_files() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let server = Running::start(ServerConfig { tls: Some(files.clone()), ..config() });
    assert!(server.url.starts_with("https://"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut socket = server.client().connect();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let answer = read_answer(&mut BufReader::new(stream));
    assert_eq!(answer.status, 200);
    assert!(answer.header("strict-transport-security").is_some());

    let db = server.db.clone();
    let bind = |tls: TlsFiles| {
        Server::bind(db.clone(), ServerConfig { tls: Some(tls), ..config() }).err().unwrap().to_string()
    };
    assert!(bind(TlsFiles { certificate: folder.path().join("none.pem"), ..files.clone() }).contains("none.pem"));
    assert!(bind(TlsFiles { key: files.certificate.clone(), ..files.clone() }).contains("private key"));
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let wrong = folder.path().join("other.pem");
    std::fs::write(&wrong, other.signing_key.serialize_pem()).unwrap();
    assert!(bind(TlsFiles { key: wrong, ..files }).contains("other.pem"));
}
