//! Too much at once: what has no room is refused with a time to come back, and what has room is answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{BufReader, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use harness::{Running, WORDS, chunk, config, read_answer, refused};
use neodex::{EmbedError, Embedder, Passages};
use neodex_server::{Batching, Limits, ServerConfig};
use serde_json::json;

/// An embedder that waits behind a gate, and counts its calls.
#[derive(Clone, Default)]
struct Gate {
    open: Arc<(Mutex<bool>, Condvar)>,
    calls: Arc<AtomicUsize>,
    texts: Arc<AtomicUsize>,
}

impl Gate {
    fn set(&self, open: bool) {
        *self.open.0.lock().unwrap() = open;
        self.open.1.notify_all();
    }

    fn pass(&self) {
        let (open, changed) = &*self.open;
        drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }
}

impl Embedder for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn dimension(&self) -> usize {
        WORDS.dimension()
    }

    fn fingerprint(&self) -> String {
        "gate".to_owned()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.pass();
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.texts.fetch_add(queries.len(), Ordering::SeqCst);
        if queries.contains(&"fail") {
            return Err("on purpose".into());
        }
        assert!(!queries.contains(&"panic"), "on purpose");
        WORDS.embed_queries(queries)
    }

    fn embed_documents(&self, documents: &[Passages<'_>], window: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        self.pass();
        WORDS.embed_documents(documents, window)
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }
}

fn gated(batching: Batching, limits: Limits) -> (Running, Gate) {
    let gate = Gate::default();
    gate.set(true);
    let embedder = gate.clone();
    let server = Running::start_with(
        ServerConfig { batching, limits, ..config() },
        Some(Box::new(move |builder| builder.embedder(embedder))),
    );
    server.ready();
    (server, gate)
}

fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn metric(server: &Running, name: &str) -> f64 {
    let text = server.client().get("/metrics").text().to_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).map(str::to_owned);
    line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

#[test]
fn requests_that_wait_share_a_batch_and_a_full_queue_refuses() {
    let (server, gate) =
        gated(Batching { batch_tokens: 64, queue_tokens: 64, ..Batching::default() }, Limits::default());
    gate.set(false);
    let before = (gate.calls.load(Ordering::SeqCst), gate.texts.load(Ordering::SeqCst));
    std::thread::scope(|scope| {
        // Three tokens each: the first is in the model, the others wait.
        let waiting: Vec<_> = (0..15)
            .map(|number| {
                let client = server.client();
                scope.spawn(move || client.post("/v1/search", &json!({"query": format!("word{number}")})).status)
            })
            .collect();
        until(|| metric(&server, "neodex_embed_queue_tokens") >= 45.0);
        let full = server.client().post("/v1/embeddings", &json!({"input": "many words ".repeat(15)}));
        refused(&full, 429, "overloaded");
        assert!(full.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        // Words need no model.
        assert_eq!(server.client().post("/v1/search", &json!({"query": "a", "mode": "lexical"})).status, 200);
        gate.set(true);
        assert!(waiting.into_iter().all(|asked| asked.join().unwrap() == 200));
    });
    let (calls, texts) = (gate.calls.load(Ordering::SeqCst) - before.0, gate.texts.load(Ordering::SeqCst) - before.1);
    assert_eq!(texts, 15);
    assert!(calls <= 4, "{calls} batches of 15 queries that waited together");
    assert_eq!(metric(&server, "neodex_embed_queue_tokens"), 0.0);
    // Asked again, nothing is computed.
    server.client().post("/v1/search", &json!({"query": "word3"})).expect(200);
    assert_eq!(metric(&server, "neodex_embed_cached_queries_total"), 1.0);
}

#[test]
fn callers_that_went_away_are_not_computed_for() {
    let (server, gate) = gated(Batching { batch_tokens: 3, ..Batching::default() }, Limits::default());
    gate.set(false);
    let before = gate.texts.load(Ordering::SeqCst);
    let streams: Vec<_> = (0..5)
        .map(|number| {
            let mut stream = server.client().begin("POST", "/v1/search", "application/json");
            stream.write_all(&chunk(&format!("{{\"query\":\"gone{number}\"}}"))).unwrap();
            stream.write_all(b"0\r\n\r\n").unwrap();
            stream
        })
        .collect();
    until(|| metric(&server, "neodex_embed_queue_tokens") >= 15.0);
    drop(streams);
    std::thread::sleep(Duration::from_millis(200));
    gate.set(true);
    until(|| metric(&server, "neodex_embed_queue_tokens") == 0.0);
    assert!(gate.texts.load(Ordering::SeqCst) - before <= 1, "only the one that was under way");
}

#[test]
fn a_model_that_fails_or_panics_is_an_answer_and_not_the_end() {
    let (server, _gate) = gated(Batching::default(), Limits::default());
    for word in ["fail", "panic"] {
        let error = refused(&server.client().post("/v1/search", &json!({"query": word})), 500, "internal");
        assert!(!error["message"].as_str().unwrap().contains("purpose"), "what went wrong inside is for the log");
    }
    assert_eq!(server.client().post("/v1/search", &json!({"query": "fine"})).status, 200);
}

#[test]
fn only_so_many_ingests_run_at_once() {
    let (server, gate) = gated(Batching::default(), Limits { ingests: 2, ..Limits::default() });
    gate.set(false);
    let mut streams: Vec<_> = (0..2)
        .map(|number| {
            let mut stream = server.client().begin("POST", "/v1/documents", "application/x-ndjson");
            stream.write_all(&chunk(&format!("{}\n", harness::document(number)))).unwrap();
            stream
        })
        .collect();
    until(|| metric(&server, "neodex_ingests_running") == 2.0);
    let refusal = server.client().post("/v1/documents", &harness::document(9));
    refused(&refusal, 429, "overloaded");
    assert!(refusal.header("retry-after").is_some());
    gate.set(true);
    for stream in &mut streams {
        stream.write_all(b"0\r\n\r\n").unwrap();
        let answer = read_answer(&mut BufReader::new(stream));
        assert_eq!(answer.lines()[0]["status"], "added");
    }
    until(|| server.client().post("/v1/documents", &harness::document(9)).status == 200);
}

#[test]
fn a_sender_that_never_reads_is_slowed_down_and_then_refused() {
    let limits = Limits { unread_lines: 100, idle_time: Duration::from_millis(300), ..Limits::default() };
    let (server, _gate) = gated(Batching::default(), limits);
    let mut stream = server.client().begin("POST", "/v1/documents", "application/x-ndjson");
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    // Ids of 500 bytes, so that the answers fill what the system keeps between two sockets.
    let line = |number: usize| format!("{{\"id\":\"{number}-{}\",\"text\":\"t\"}}\n", "x".repeat(500));
    let mut sent = 0;
    while sent < 200_000 {
        let lines: String = (sent..sent + 100).map(line).collect();
        if stream.write_all(&chunk(&lines)).is_err() {
            break;
        }
        sent += 100;
    }
    assert!(sent < 200_000, "nobody may send without end and never read");
    assert_eq!(server.client().get("/healthz").status, 200);
}
