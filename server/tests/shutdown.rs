//! The end of a server: what was accepted is finished, what was acknowledged is kept, nothing new is begun.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Running, WORDS, chunk, config, read_answer};
use neodex::Database;
use serde_json::{Value, json};

#[test]
fn nothing_acknowledged_is_lost_when_it_stops_in_the_middle_of_an_ingest() {
    let mut server = Running::start(config());
    let mut stream = server.client().begin("POST", "/v1/documents", "application/x-ndjson");
    let mut writer = stream.try_clone().unwrap();
    let stopped = AtomicBool::new(false);
    let answer = std::thread::scope(|scope| {
        let stopped = &stopped;
        let sender = scope.spawn(move || {
            for number in 0.. {
                if stopped.load(Ordering::Relaxed)
                    || writer.write_all(&chunk(&format!("{}\n", harness::document(number)))).is_err()
                {
                    break;
                }
            }
        });
        let reader = scope.spawn(move || read_answer(&mut BufReader::new(&mut stream)));
        while server.db.stats().unwrap().documents < 500 {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.finish();
        stopped.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        reader.join().unwrap()
    });
    let mut lines = answer.lines();
    let last = lines.pop().unwrap();
    assert_eq!(last["error"]["code"], "shutting_down", "{last}");
    assert!(lines.len() >= 400 && lines.iter().all(|line| line["status"] == "added"), "{}", lines.len());

    // As a new process would find it.
    let folder = std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap());
    drop(server);
    let db = Database::builder(folder.path().join("db")).embedder(WORDS).open().unwrap();
    assert_eq!(db.notices(), [] as [String; 0], "it was closed in order");
    for line in &lines {
        let id = line["id"].as_str().unwrap();
        assert!(db.get(id).unwrap().is_some(), "{id} was acknowledged");
    }
    let found = db.search(format!("number{}", lines.len() - 1)).run().unwrap();
    assert_eq!(found.total, 1);
}

#[test]
fn it_says_that_it_is_going_and_finishes_what_is_under_way() {
    let mut server = Running::with_documents();
    server.ready();
    // A connection that is open, with a request half sent.
    let mut stream = server.client().begin("POST", "/v1/search", "application/json");
    stream.write_all(&chunk("{\"query\":")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let idle = TcpStream::connect(server.addr).unwrap();
    server.stop.stop();
    std::thread::sleep(Duration::from_millis(200));
    assert!(TcpStream::connect(server.addr).is_err(), "nobody new is let in");
    stream.write_all(&chunk("\"apple\"}")).unwrap();
    stream.write_all(b"0\r\n\r\n").unwrap();
    let answer = read_answer(&mut BufReader::new(stream));
    assert_eq!(answer.expect(200)["total"], 10);
    server.finish();
    let mut line = String::new();
    assert_eq!(BufReader::new(idle).read_line(&mut line).unwrap_or(0), 0, "idle connections are closed");
}

#[test]
fn it_does_not_wait_for_ever() {
    let limits =
        neodex_server::Limits { shutdown_time: Duration::from_millis(300), ..neodex_server::Limits::default() };
    let mut server = Running::start(neodex_server::ServerConfig { limits, ..config() });
    let mut stream = server.client().begin("POST", "/v1/search", "application/json");
    stream.write_all(&chunk("{\"query\":")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let started = std::time::Instant::now();
    server.finish();
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_document_that_was_answered_is_there_after_the_next_start() {
    let mut server = Running::start(config());
    let answer: Value =
        server.client().post("/v1/documents?wait=false", &json!({"id": "a", "text": "durable"})).expect(200);
    assert_eq!(answer["added"], 1);
    server.finish();
    assert_eq!(server.db.get("a").unwrap().unwrap().text, "durable");
}
