//! A server on a free port with a database of its own, and a client that is small enough to do things wrong on purpose.
#![allow(dead_code, unused_imports)]

mod client;
#[path = "../../../tests/words/mod.rs"]
mod words;

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use neodex::{Database, Document, Embedder};
use neodex_server::{Server, ServerConfig, Stop};
use serde_json::{Value, json};

pub(crate) use client::{Answer, Client, chunk, read_answer};
pub(crate) use words::WordEmbedder;

/// Wide enough that words do not collide by chance.
pub(crate) const WORDS: WordEmbedder = WordEmbedder { dimension: 64 };

/// A running server. It stops when this goes.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) url: String,
    pub(crate) db: Database,
    pub(crate) stop: Stop,
    thread: Option<JoinHandle<()>>,
    pub(crate) folder: tempfile::TempDir,
}

/// Settings for tests: a free port, and nothing else special.
pub(crate) fn config() -> ServerConfig {
    ServerConfig { addr: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() }
}

impl Running {
    /// With settings and an embedder, or none.
    pub(crate) fn start_with(
        config: ServerConfig,
        embedder: Option<Box<dyn FnOnce(neodex::DatabaseBuilder) -> neodex::DatabaseBuilder>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = Database::builder(folder.path().join("db"));
        let builder = match embedder {
            Some(with) => with(builder),
            None => builder.without_embedder(),
        };
        let db = builder.open().unwrap();
        Self::over(folder, db, config)
    }

    /// Over a database that is open.
    pub(crate) fn over(folder: tempfile::TempDir, db: Database, config: ServerConfig) -> Self {
        let server = Server::bind(db.clone(), config).unwrap();
        let (addr, url, stop) = (server.addr(), server.url(), server.stop());
        let thread = std::thread::spawn(move || server.run().unwrap());
        Self { addr, url, db, stop, thread: Some(thread), folder }
    }

    /// With settings, and words for meaning.
    pub(crate) fn start(config: ServerConfig) -> Self {
        Self::start_with(config, Some(Box::new(|builder| builder.embedder(WORDS))))
    }

    /// The usual one, with some documents.
    pub(crate) fn with_documents() -> Self {
        let running = Self::start(config());
        running.fill();
        running
    }

    /// Stores 40 documents about four fruits.
    pub(crate) fn fill(&self) {
        let topics = ["apple", "banana", "cherry", "damson"];
        let documents = (0..40).map(|i| {
            let topic = topics[i % 4];
            Document::new(
                format!("fruit/{i}.md"),
                format!("Entry {i} is about the {topic} and its harvest. It goes on for a while."),
            )
            .title(format!("On the {topic}"))
            .metadata("topic", topic)
            .metadata("year", 1990 + i as i64 % 10)
            .metadata("ripe", i % 2 == 0)
        });
        let writer = self.db.clone();
        assert_eq!(writer.insert_many(documents).unwrap().added, 40);
        writer.flush().unwrap();
    }

    /// A client without a key.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr)
    }

    /// A client with one.
    pub(crate) fn with_key(&self, key: &str) -> Client {
        Client::new(self.addr).header("authorization", &format!("Bearer {key}"))
    }

    /// Waits until it says that it is ready.
    pub(crate) fn ready(&self) {
        let started = Instant::now();
        while self.client().get("/readyz").status != 200 {
            assert!(started.elapsed() < Duration::from_secs(20), "the server does not become ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it and waits for its end.
    pub(crate) fn finish(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Insists that an answer is a refusal of this kind, in the shape all have.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, body["error"]["code"].as_str()), (status, Some(code)), "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|message| message.len() > 8), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.header("x-request-id").is_some());
    body["error"].clone()
}

/// A document with a word of its own.
pub(crate) fn document(number: usize) -> Value {
    json!({"id": format!("n{number}"), "text": format!("Document number{number} speaks of itself.")})
}
