//! `neodex serve` as a person starts it: with the bundled model, until Ctrl-C.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use harness::Place;
use serde_json::{Value, json};

/// A server that runs, and where.
struct Serving {
    child: Child,
    addr: String,
    _stdout: BufReader<ChildStdout>,
}

fn serve(place: &Place, args: &[&str]) -> Serving {
    let args = [&["serve", "--addr", "127.0.0.1:0", "--json"], args].concat();
    let mut child = place.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    Serving { child, addr: told["addr"].as_str().unwrap().to_owned(), _stdout: stdout }
}

impl Serving {
    /// Status and JSON of an answer.
    fn ask(&self, method: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Ctrl-C; the status it ends with and what it said.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let killed = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let status = self.child.wait().unwrap().code();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status, said)
    }
}

#[test]
fn it_serves_with_the_bundled_model_until_ctrl_c() {
    let place = Place::with_docs().with_the_usual_model();
    let serving = serve(&place, &["--log-format", "json"]);
    let document = json!({"id": "keys", "text": "Credentials are renewed once a month."});
    assert_eq!(serving.ask("POST", "/v1/documents", "", &document).0, 200);
    let (status, found) =
        serving.ask("POST", "/v1/search", "", &json!({"query": "rotating passwords", "mode": "dense"}));
    assert_eq!((status, &found["hits"][0]["document_id"]), (200, &json!("keys")));
    let (status, vectors) = serving.ask("POST", "/v1/embeddings", "", &json!({"input": ["a", "b"]}));
    assert_eq!((status, vectors["data"][1]["embedding"].as_array().map(Vec::len)), (200, Some(384)));
    // One process owns a database; a second is told.
    let second = place.run(&["stats"]).expect(3);
    assert!(second.stderr.contains("neodex.db"), "{}", second.stderr);

    let (status, said) = serving.interrupt();
    assert_eq!(status, Some(0), "{said}");
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let answered = lines.iter().find(|line| line["path"] == "/v1/search").unwrap_or_else(|| panic!("{said}"));
    assert!(
        answered["status"] == 200 && answered["span"]["id"].is_string() && answered["took_ms"].is_number(),
        "{answered}"
    );
    assert!(said.contains("stopped"), "{said}");
    assert_eq!(place.json(0, &["get", "keys"])["id"], "keys");
}

#[test]
fn keys_come_from_the_environment_and_appear_nowhere() {
    let place = Place::new();
    let mut command = place.command(&["serve", "--addr", "127.0.0.1:0", "--json", "--log-level", "trace"]);
    command.env("NEODEX_API_KEY", "s3cret-all").env("NEODEX_SEARCH_KEY", "s3cret-read");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let serving = Serving { child, addr: told["addr"].as_str().unwrap().to_owned(), _stdout: stdout };
    let document = json!({"id": "a", "text": "b"});
    assert_eq!(serving.ask("POST", "/v1/documents", "wrong-k3y", &document).0, 401);
    assert_eq!(serving.ask("POST", "/v1/documents", "s3cret-read", &document).0, 403);
    assert_eq!(serving.ask("POST", "/v1/documents", "s3cret-all", &document).0, 200);
    assert_eq!(serving.ask("POST", "/v1/search", "s3cret-read", &json!({"query": "b"})).0, 200);
    let (_, said) = serving.interrupt();
    assert!(said.contains("/v1/documents") && !said.contains("s3cret") && !said.contains("wrong-k3y"), "{said}");
    let help = place.command(&["serve", "--help"]).env("NEODEX_API_KEY", "s3cret-all").output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("s3cret"));
}

#[test]
fn settings_that_would_be_unsafe_or_cannot_work_are_refused() {
    let place = Place::new();
    let open = place.run(&["serve", "--addr", "0.0.0.0:0"]).expect(2);
    assert!(open.stderr.contains("--api-key"), "{}", open.stderr);
    assert!(!place.path("neodex.db").exists(), "nothing was made");
    place.run(&["serve", "--tls-cert", "cert.pem"]).expect(2);
    let none =
        place.run(&["serve", "--addr", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]).expect(2);
    assert!(none.stderr.contains("cert.pem"), "{}", none.stderr);
    place.run(&["serve", "--log-level", "loud"]).expect(2);
    let missing = place.run(&["serve", "--read-only", "--addr", "127.0.0.1:0"]).expect(2);
    assert!(missing.stderr.contains("no database"), "{}", missing.stderr);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let refused = place.run(&["serve", "--addr", &addr]).expect(1);
    assert!(refused.stderr.contains("--addr"), "{}", refused.stderr);
}
