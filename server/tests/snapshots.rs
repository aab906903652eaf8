//! A snapshot over HTTP: whole while writers go on, one at a time, nothing left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{BufReader, Write};

use harness::{Running, WORDS, chunk, read_answer, refused};
use neodex::Database;

#[test]
fn a_download_is_a_database_again() {
    let server = Running::with_documents();
    // A stream that is open and has written keeps nobody from taking a copy.
    let mut stream = server.client().begin("POST", "/v1/documents?wait=false", "application/x-ndjson");
    stream.write_all(&chunk(&format!("{}\n", harness::document(0)))).unwrap();
    let answer = server.client().send("POST", "/v1/snapshots", None, b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    stream.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut BufReader::new(stream)).lines()[0]["status"], "added");

    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("snapshot"), folder.path().join("copy"));
    std::fs::write(&file, &answer.body).unwrap();
    neodex::restore(&file, &copy, false, &mut |_| ()).unwrap();
    let copied = Database::builder(&copy).embedder(WORDS).open().unwrap();
    assert!(copied.stats().unwrap().documents >= 40);
    assert_eq!(copied.get("fruit/3.md").unwrap(), server.db.get("fruit/3.md").unwrap());
    assert_eq!(copied.search("cherry").run().unwrap().total, 10);

    let names =
        std::fs::read_dir(server.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["db"], "the file is gone with the download");
}

#[test]
fn one_is_made_at_a_time() {
    let server = Running::start(harness::config());
    // Large enough that it does not fit into what the system keeps between two sockets.
    let noise: String =
        (0..400_000u64).map(|number| format!("{:x} ", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    server.db.insert(neodex::Document::new("noise", noise)).unwrap();
    let mut stream = server.client().connect();
    stream
        .write_all(
            format!(
                "POST /v1/snapshots HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                server.addr
            )
            .as_bytes(),
        )
        .unwrap();
    let mut first = [0];
    std::io::Read::read_exact(&mut stream, &mut first).unwrap();
    refused(&server.client().send("POST", "/v1/snapshots", None, b""), 409, "conflict");
    drop(stream);
    let started = std::time::Instant::now();
    while server.client().send("POST", "/v1/snapshots", None, b"").status != 200 {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "a download that was given up holds the place");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
