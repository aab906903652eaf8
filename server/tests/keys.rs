//! Who may do what: no key, the wrong one, the one that reads, the one that does everything, and a server that only reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Running, config, refused};
use neodex_server::{Secret, Server, ServerConfig};
use serde_json::{Value, json};

const WRITES: [&str; 4] =
    ["POST /v1/documents", "DELETE /v1/documents", "DELETE /v1/documents/{id}", "POST /v1/documents/delete"];
const SNAPSHOT: &str = "POST /v1/snapshots";
const OPEN: [&str; 2] = ["GET /healthz", "GET /readyz"];

fn locked() -> Running {
    Running::start(ServerConfig {
        api_key: Some(Secret::new("all-of-it")),
        search_key: Some(Secret::new("reading")),
        ..config()
    })
}

/// Every route of the OpenAPI document, as `METHOD path`.
fn routes(server: &Running) -> Vec<String> {
    let document = server.client().get("/openapi.json").expect(200);
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        methods
            .as_object()
            .unwrap()
            .keys()
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn every_route_wants_the_key_it_should() {
    let server = locked();
    let routes = routes(&server);
    assert!(WRITES.iter().chain(&OPEN).all(|route| routes.contains(&(*route).to_owned())), "{routes:?}");
    assert!(routes.len() >= 18, "{routes:?}");
    for route in &routes {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id}", "nobody");
        let send = |client: harness::Client| client.send(method, &path, Some("application/json"), b"null");
        let is_open = OPEN.contains(&route.as_str());
        let without = send(server.client());
        if is_open {
            assert!(![401, 403].contains(&without.status), "{route}");
            continue;
        }
        refused(&without, 401, "unauthorized");
        assert_eq!(without.header("www-authenticate"), Some("Bearer"), "{route}");
        refused(&send(server.with_key("all-of-i")), 401, "unauthorized");
        refused(&send(server.with_key("")), 401, "unauthorized");
        let reading = send(server.with_key("reading"));
        if WRITES.contains(&route.as_str()) || route == SNAPSHOT {
            refused(&reading, 403, "forbidden");
        } else {
            assert!(![401, 403].contains(&reading.status), "{route}: {}", reading.text());
        }
        for client in [
            server.with_key("all-of-it"),
            server.client().header("api-key", "all-of-it"),
            server.client().header("x-api-key", "all-of-it"),
        ] {
            assert!(![401, 403].contains(&send(client).status), "{route}");
        }
    }
    for path in ["/openapi.json", "/docs", "/assets/page.css", "/login"] {
        assert_eq!(server.client().get(path).status, 200, "{path}");
    }
}

#[test]
fn a_server_that_only_reads_takes_no_writes() {
    let server = Running::start(ServerConfig { read_only: true, ..config() });
    server.fill();
    for route in WRITES {
        let (method, path) = route.split_once(' ').unwrap();
        let answer =
            server.client().send(method, &path.replace("{id}", "fruit/0.md"), Some("application/json"), b"null");
        refused(&answer, 403, "read_only");
    }
    // A copy of everything is read, not written.
    assert_ne!(server.client().send("POST", "/v1/snapshots", None, b"").status, 403);
    assert_eq!(server.client().get("/v1/stats").expect(200)["documents"], 40);
    server.client().post("/v1/search", &json!({"query": "apple"})).expect(200);
}

#[test]
fn one_signs_in_to_the_page_with_a_key_and_may_only_read() {
    let server = locked();
    server.fill();
    let asked = server.client().get("/?q=apple");
    assert_eq!(asked.status, 401);
    assert!(
        asked.text().contains("action=\"/login\"") && asked.text().contains("value=\"/?q=apple\""),
        "{}",
        asked.text()
    );
    let sign_in =
        |form: &str| server.client().send("POST", "/login", Some("application/x-www-form-urlencoded"), form.as_bytes());
    assert_eq!(sign_in("key=wrong&next=%2F").status, 401);
    let signed = sign_in("key=reading&next=%2F%3Fq%3Dapple");
    assert_eq!((signed.status, signed.header("location")), (303, Some("/?q=apple")));
    assert_eq!(sign_in("key=reading&next=%2F%2Fevil.example").header("location"), Some("/"));
    let cookie = signed.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("reading"));
    let with_cookie = server.client().header("cookie", cookie.split(';').next().unwrap());
    let page = with_cookie.get("/?q=apple");
    assert!(page.status == 200 && page.text().contains("On the apple"), "{}", page.text());
    assert_eq!(with_cookie.get("/document?id=fruit/0.md").status, 200);
    // The cookie is for the page: a page of another site that makes the browser send it gets nowhere.
    refused(&with_cookie.post("/v1/search", &json!({"query": "apple"})), 401, "unauthorized");
    refused(&with_cookie.post("/v1/documents", &json!({"id": "a", "text": "b"})), 401, "unauthorized");
    assert_eq!(with_cookie.send("POST", "/logout", None, b"").status, 303);
}

#[test]
fn unsafe_settings_are_refused_before_anything_listens() {
    let folder = tempfile::tempdir().unwrap();
    let db = neodex::Database::builder(folder.path().join("db")).without_embedder().open().unwrap();
    let bind = |config: ServerConfig| {
        Server::bind(db.clone(), config).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let public = ServerConfig { addr: "0.0.0.0:0".parse().unwrap(), ..config() };
    assert!(bind(public.clone()).contains("--api-key"));
    assert_eq!(bind(ServerConfig { api_key: Some(Secret::new("k")), ..public }), "");
    assert!(bind(ServerConfig { api_key: Some(Secret::new("")), ..config() }).contains("empty"));
    assert!(bind(ServerConfig { api_key: Some(Secret::new("a b")), ..config() }).contains("ASCII"));
    let same = ServerConfig { api_key: Some(Secret::new("k")), search_key: Some(Secret::new("k")), ..config() };
    assert!(bind(same).contains("same"));
}

#[test]
fn web_pages_of_other_sites_get_nowhere() {
    let server = Running::with_documents();
    // A name that an attacker points at 127.0.0.1.
    refused(&server.client().host("evil.example:7331").get("/v1/stats"), 421, "wrong_host");
    assert_eq!(server.client().host("localhost").get("/v1/stats").status, 200);
    let foreign = server.client().header("origin", "https://evil.example");
    refused(&foreign.post("/v1/documents", &json!({"id": "a", "text": "b"})), 403, "forbidden");
    // What a form can send without asking first.
    refused(
        &server.client().send("POST", "/v1/documents", Some("text/plain"), b"{\"id\":\"a\",\"text\":\"b\"}"),
        415,
        "unsupported_media_type",
    );
    let own = server.client().header("origin", &format!("http://{}", server.addr));
    assert_eq!(own.post("/v1/documents", &json!({"id": "a", "text": "b"})).status, 200);
    assert_eq!(foreign.get("/v1/stats").header("access-control-allow-origin"), None);

    let open = Running::start(ServerConfig { cors_origins: vec!["https://app.example".to_owned()], ..config() });
    let app = open.client().header("origin", "https://app.example");
    let preflight =
        app.clone().header("access-control-request-method", "POST").send("OPTIONS", "/v1/search", None, b"");
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(app.get("/v1/stats").header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(app.post("/v1/documents", &json!({"id": "a", "text": "b"})).status, 200);
    assert_eq!(
        open.client().header("origin", "https://evil.example").get("/v1/stats").header("access-control-allow-origin"),
        None
    );
}
