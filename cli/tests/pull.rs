//! `model pull` against a hub of our own: its routes, its redirections to where large files are, its refusals, and a line that breaks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;

use harness::Place;
use sha1::Sha1;
use sha2::{Digest, Sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// Bytes of the weights after which the line breaks the first time.
const BREAKS_AFTER: usize = 30_000;

/// A hub, and another server that has its large files.
struct Hub {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Shelf {
    repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    large: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    fn start() -> Self {
        let (hub, large) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = format!("http://{}", hub.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shelf = Shelf {
            repositories: repositories(),
            large: format!("http://{}", large.local_addr().unwrap()),
            seen: Arc::clone(&seen),
        };
        let second = shelf.clone();
        thread::spawn(move || hub.incoming().for_each(|stream| shelf.answer(stream.unwrap())));
        thread::spawn(move || large.incoming().for_each(|stream| second.send_large(stream.unwrap())));
        Self { address, seen }
    }

    /// How many times large files were asked for, and how many of them from byte `start` on.
    fn large(&self, start: usize) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        let large: Vec<&String> = seen.iter().filter(|request| request.starts_with("large GET")).collect();
        let range = format!("range: bytes={start}-");
        (large.len(), large.iter().filter(|request| request.contains(&range)).count())
    }
}

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../encoder/tests/fixtures/families/bert")
}

fn repositories() -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut tiny_files = BTreeMap::new();
    for name in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "modules.json",
        "config_sentence_transformers.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
        "model.safetensors",
    ] {
        tiny_files.insert(name.to_owned(), fs::read(tiny().join(name)).unwrap());
    }
    let mut other = tiny_files.clone();
    other.insert("config.json".to_owned(), br#"{"model_type":"t5"}"#.to_vec());
    let mut torch = tiny_files.clone();
    torch.remove("model.safetensors");
    torch.insert("pytorch_model.bin".to_owned(), vec![0]);
    let names = ["org/tiny", "org/private", "org/t5", "org/torch", "org/damaged"];
    names
        .into_iter()
        .map(str::to_owned)
        .zip([tiny_files.clone(), tiny_files.clone(), other, torch, tiny_files])
        .collect()
}

/// The first line of a request, and its headers in small letters.
fn request(stream: &TcpStream) -> (String, String) {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap().unwrap();
    let headers: Vec<String> = lines.map(|line| line.unwrap()).take_while(|line| !line.is_empty()).collect();
    (first, headers.join("\n").to_lowercase())
}

fn respond(mut stream: TcpStream, status: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    // A client that hangs up has seen enough.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(body));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shelf {
    fn answer(&self, stream: TcpStream) {
        let (line, headers) = request(&stream);
        self.seen.lock().unwrap().push(format!("hub {line}\n{headers}"));
        let mut parts = line.split(' ');
        let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
        let Some((name, files)) = self.repositories.iter().find(|(name, _)| path.contains(name.as_str())) else {
            return respond(stream, "404 Not Found", &[("content-length", "0")], b"");
        };
        if name == "org/private" && !headers.contains("authorization: bearer secret") {
            return respond(stream, "401 Unauthorized", &[("content-length", "0")], b"");
        }
        if path.starts_with("/api/models/") {
            let siblings: Vec<_> = files.keys().map(|file| serde_json::json!({"rfilename": file})).collect();
            let body = serde_json::json!({"sha": COMMIT, "siblings": siblings}).to_string();
            return respond(stream, "200 OK", &[("content-length", &body.len().to_string())], body.as_bytes());
        }
        let file = path.strip_prefix(&format!("/{name}/resolve/{COMMIT}/")).unwrap();
        let bytes = &files[file];
        let length = bytes.len().to_string();
        if file == "model.safetensors" {
            let etag = if name == "org/damaged" { "a".repeat(64) } else { hex(&Sha256::digest(bytes)) };
            let to = format!("{}/{name}", self.large);
            let headers = [
                ("location", to.as_str()),
                ("x-linked-etag", &format!("\"{etag}\"")),
                ("x-linked-size", &length),
                ("content-length", "0"),
            ];
            return respond(stream, "302 Found", &headers, b"");
        }
        let mut git = Sha1::new();
        git.update(format!("blob {length}\0"));
        git.update(bytes);
        let etag = format!("W/\"{}\"", hex(&git.finalize()));
        let body = if method == "HEAD" { &[][..] } else { bytes };
        respond(stream, "200 OK", &[("etag", &etag), ("content-length", &length)], body);
    }

    fn send_large(&self, stream: TcpStream) {
        let (line, headers) = request(&stream);
        let before = self.seen.lock().unwrap().iter().filter(|request| request.starts_with("large")).count();
        self.seen.lock().unwrap().push(format!("large {line}\n{headers}"));
        let name = line.split(' ').nth(1).unwrap().trim_start_matches('/');
        let bytes = &self.repositories[name]["model.safetensors"];
        let start =
            headers.split("range: bytes=").nth(1).map_or(0, |rest| rest.split('-').next().unwrap().parse().unwrap());
        let rest: &[u8] = &bytes[start..];
        let sent = if before == 0 { &rest[..BREAKS_AFTER.min(rest.len())] } else { rest };
        let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
        respond(stream, status, &[("content-length", &rest.len().to_string())], sent);
    }
}

fn pull(place: &Place, hub: &Hub, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(place, &[&["--json", "model", "pull"], arguments].concat());
    command.env("HF_ENDPOINT", &hub.address).envs(environment.iter().copied());
    command.output().unwrap()
}

/// A command that knows nothing of this machine's hub.
fn command(place: &Place, arguments: &[&str]) -> std::process::Command {
    let mut command = place.command(arguments);
    for name in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
    ] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("HF_HOME", place.path("hf"));
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_model_is_brought_once_and_then_used_by_its_name() {
    let (place, hub) = (Place::new(), Hub::start());
    let first = pull(&place, &hub, &["org/tiny"], &[("HF_TOKEN", "secret")]);
    assert!(first.status.success(), "{}", told(&first));
    let answer: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!((answer["commit"].as_str(), answer["bytes_brought"].as_u64()), (Some(COMMIT), answer["bytes"].as_u64()));

    // The cache is laid out as Python's, so that either finds what the other brought.
    let root = place.path("hf/hub/models--org--tiny");
    let snapshot = root.join("snapshots").join(COMMIT);
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(Path::new(answer["path"].as_str().unwrap()), snapshot);
    let weights = fs::read(tiny().join("model.safetensors")).unwrap();
    let blob = root.join("blobs").join(hex(&Sha256::digest(&weights)));
    assert_eq!(fs::read(&blob).unwrap(), weights);
    assert_eq!(snapshot.join("model.safetensors").canonicalize().unwrap(), blob.canonicalize().unwrap());
    assert!(
        snapshot
            .join("1_Pooling/config.json")
            .canonicalize()
            .unwrap()
            .starts_with(root.canonicalize().unwrap().join("blobs"))
    );

    // The line broke once, and the rest came from there; the token went to the hub alone.
    assert_eq!(hub.large(BREAKS_AFTER), (2, 1));
    assert!(
        hub.seen.lock().unwrap().iter().all(|request| request.starts_with("hub") == request.contains("bearer secret"))
    );

    let again = pull(&place, &hub, &["org/tiny"], &[]);
    let answer: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((answer["bytes_brought"].as_u64(), hub.large(0).0), (Some(0), 2));
    let offline = pull(&place, &hub, &["org/tiny"], &[("HF_HUB_OFFLINE", "1"), ("HF_ENDPOINT", "http://127.0.0.1:9")]);
    assert!(offline.status.success(), "{}", told(&offline));

    let embedded = command(&place, &["--model", "org/tiny", "embed", "close vectors"]).output().unwrap();
    assert!(embedded.status.success(), "{}", told(&embedded));
    let info = command(&place, &["--json", "model", "info", "org/tiny"]).output().unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!((info["name"].as_str(), info["architecture"].as_str()), (Some("org/tiny"), Some("bert")));
    let list = command(&place, &["model", "list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains("org/tiny"));
}

#[test]
fn what_another_run_left_is_gone_on_with() {
    let (place, hub) = (Place::new(), Hub::start());
    let weights = fs::read(tiny().join("model.safetensors")).unwrap();
    let name = format!("hf/hub/models--org--tiny/blobs/{}.incomplete", hex(&Sha256::digest(&weights)));
    place.write(&name, &weights[..40_000]);
    assert!(pull(&place, &hub, &["org/tiny"], &[]).status.success());
    assert_eq!(hub.large(40_000), (1, 1));
    assert!(!place.path(&name).exists());

    // What was left is wrong: all of it comes anew.
    let (place, hub) = (Place::new(), Hub::start());
    place.write(&name, vec![7; 40_000]);
    assert!(pull(&place, &hub, &["org/tiny"], &[]).status.success());
    assert_eq!(fs::read(place.path(name.trim_end_matches(".incomplete"))).unwrap(), weights);
}

#[test]
fn refusals_say_what_to_do() {
    let (place, hub) = (Place::new(), Hub::start());
    let refused = |arguments: &[&str], environment: &[(&str, &str)], parts: &[&str]| {
        let output = pull(&place, &hub, arguments, environment);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        for part in parts {
            assert!(told(&output).contains(part), "{arguments:?}: {} lacks {part}", told(&output));
        }
    };
    refused(&["org/private"], &[], &["401", "HF_TOKEN"]);
    refused(&["org/private"], &[("HF_TOKEN", "wrong")], &["401", "token"]);
    refused(&["org/nothing"], &[], &["404", "org/nothing"]);
    refused(&["not a name"], &[], &["not the name of a repository"]);
    refused(&["org/torch"], &[], &["pytorch_model.bin", "model.safetensors"]);
    refused(&["org/t5"], &[], &["`t5`", "ModernBERT"]);
    assert_eq!(hub.large(0).0, 0, "weights came of a model that cannot be read");
    refused(&["org/tiny"], &[("HF_HUB_OFFLINE", "1")], &["HF_HUB_OFFLINE"]);
    let output = command(&place, &["--model", "org/absent", "embed", "x"]).output().unwrap();
    assert!(
        output.status.code() == Some(2) && told(&output).contains("neodex model pull org/absent"),
        "{}",
        told(&output)
    );

    let output = pull(&place, &hub, &["org/private"], &[("HF_TOKEN", "secret")]);
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_file_with_another_checksum_is_not_kept() {
    let (place, hub) = (Place::new(), Hub::start());
    let output = pull(&place, &hub, &["org/damaged"], &[]);
    assert!(!output.status.success() && told(&output).contains("checksum"), "{}", told(&output));
    let root = place.path("hf/hub/models--org--damaged");
    assert!(!root.join("refs/main").exists() && !root.join("blobs").join("a".repeat(64)).exists());
}
