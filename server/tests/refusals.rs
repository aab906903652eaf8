//! Bodies that are wrong, too large, too slow, cut off or packed with malice; and requests that fit no route.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{BufReader, Write};
use std::time::Duration;

use harness::{Running, chunk, config, read_answer, refused};
use neodex_server::{Limits, ServerConfig};
use serde_json::{Value, json};

const JSON: Option<&str> = Some("application/json");

/// A server that is short of patience and of space.
fn strict() -> Running {
    let limits = Limits {
        body_bytes: 100_000,
        line_bytes: 10_000,
        idle_time: Duration::from_millis(300),
        header_time: Duration::from_millis(300),
        ..Limits::default()
    };
    Running::start(ServerConfig { limits, ..config() })
}

#[test]
fn what_fits_no_route_is_told_in_the_same_shape() {
    let server = Running::start(config());
    refused(&server.client().get("/v2/nothing"), 404, "not_found");
    let answer = server.client().get("/v1/search");
    refused(&answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(server.client().send("HEAD", "/healthz", None, b"").status, 200);
}

#[test]
fn bodies_that_are_no_json_are_refused_by_what_is_wrong() {
    let server = Running::start(config());
    let post = |kind: Option<&str>, body: &[u8]| server.client().send("POST", "/v1/search", kind, body);
    refused(&post(JSON, b"{\"query\":"), 400, "invalid_json");
    refused(&post(JSON, b""), 400, "invalid_json");
    refused(&post(JSON, b"\xff\xfe"), 400, "invalid_json");
    refused(&post(JSON, "[".repeat(100_000).as_bytes()), 400, "invalid_json");
    refused(&post(JSON, b"[]"), 422, "invalid_request");
    refused(&post(JSON, b"{\"query\":\"\\ud800\"}"), 400, "invalid_json");
    refused(&post(None, b"{}"), 415, "unsupported_media_type");
    refused(&post(Some("text/plain"), b"{}"), 415, "unsupported_media_type");
    assert_eq!(post(Some("Application/JSON; charset=utf-8"), b"{\"query\":\"a\"}").status, 200);
}

#[test]
fn large_bodies_are_refused_however_they_are_packed() {
    let server = strict();
    let long = json!({"id": "a", "text": "x".repeat(200_000)}).to_string();
    refused(&server.client().send("POST", "/v1/documents", JSON, long.as_bytes()), 413, "too_large");
    // Two hundred megabytes of zeros in a few kilobytes.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..200 {
        packer.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    let packed = server.client().header("content-encoding", "gzip");
    refused(&packed.send("POST", "/v1/documents", JSON, &bomb), 413, "too_large");
    refused(&packed.send("POST", "/v1/documents", JSON, b"not gzip"), 422, "invalid_request");
    let other = server.client().header("content-encoding", "br");
    refused(&other.send("POST", "/v1/documents", JSON, b"{}"), 415, "unsupported_media_type");
    let lines = server
        .client()
        .send(
            "POST",
            "/v1/documents",
            Some("application/x-ndjson"),
            format!("{long}\n{{\"id\":\"b\",\"text\":\"b\"}}\n").as_bytes(),
        )
        .lines();
    let status: Vec<&str> = lines.iter().map(|line| line["status"].as_str().unwrap()).collect();
    assert!(status.contains(&"failed") && status.contains(&"added"), "{lines:?}");
}

#[test]
fn packed_bodies_are_taken_and_packed_answers_given() {
    let server = Running::with_documents();
    let body = json!({"query": "harvest", "limit": 40}).to_string();
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(body.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let zstd = zstd::encode_all(body.as_bytes(), 1).unwrap();
    let plain = server.client().send("POST", "/v1/search", JSON, body.as_bytes()).expect(200);
    for (encoding, bytes) in [("gzip", gzip), ("zstd", zstd)] {
        let client = server.client().header("content-encoding", encoding).header("accept-encoding", encoding);
        let answer = client.send("POST", "/v1/search", JSON, &bytes);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(encoding)));
        let unpacked = match encoding {
            "gzip" => std::io::read_to_string(flate2::read::GzDecoder::new(&answer.body[..])).unwrap(),
            _ => String::from_utf8(zstd::decode_all(&answer.body[..]).unwrap()).unwrap(),
        };
        let unpacked: Value = serde_json::from_str(&unpacked).unwrap();
        assert_eq!(unpacked["hits"], plain["hits"]);
    }
}

#[test]
fn slow_bodies_and_heads_are_given_up_on() {
    let server = strict();
    let mut stream = server.client().begin("POST", "/v1/search", "application/json");
    stream.write_all(&chunk("{\"query\":")).unwrap();
    refused(&read_answer(&mut BufReader::new(stream)), 408, "timeout");

    let mut stream = server.client().begin("POST", "/v1/documents", "application/x-ndjson");
    stream.write_all(&chunk("{\"id\":\"kept\",\"text\":\"kept\"}\n{\"id\":")).unwrap();
    let lines = read_answer(&mut BufReader::new(stream)).lines();
    assert_eq!((&lines[0]["status"], &lines[1]["error"]["code"]), (&json!("added"), &json!("timeout")), "{lines:?}");
    assert_eq!(server.client().get("/v1/documents/kept").status, 200);

    let mut stream = server.client().connect();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "hung up on");
    assert_eq!(server.client().get("/healthz").status, 200, "the others were not kept waiting");
}

#[test]
fn an_upload_that_is_cut_off_costs_nothing_and_keeps_what_was_acknowledged() {
    let server = strict();
    let mut stream = server.client().begin("POST", "/v1/documents", "application/x-ndjson");
    stream.write_all(&chunk("{\"id\":\"whole\",\"text\":\"whole\"}\n{\"id\":\"half\",\"te")).unwrap();
    drop(stream);
    let stream = server.client().begin("POST", "/v1/documents", "application/json");
    drop(stream);
    let started = std::time::Instant::now();
    while server.client().get("/v1/documents/whole").status != 200 {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.client().get("/v1/documents/half").status, 404);
    for _ in 0..20 {
        drop(server.client().begin("POST", "/v1/documents", "application/x-ndjson"));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(
        server.client().post("/v1/documents", &json!({"id": "a", "text": "a"})).status,
        200,
        "no place was lost"
    );
}

#[test]
fn requests_have_ids_and_answers_safe_headers() {
    let server = Running::start(config());
    let given = server.client().header("x-request-id", "trace-42").get("/healthz");
    assert_eq!(given.header("x-request-id"), Some("trace-42"));
    let made = server.client().header("x-request-id", "a b").get("/healthz");
    assert_eq!(made.header("x-request-id").map(str::len), Some(16));
    for path in ["/", "/healthz", "/v1/stats", "/nothing"] {
        let answer = server.client().get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
