//! The page as a browser without scripts gets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

use harness::{Running, config};
use serde_json::json;

/// The addresses of a page's links, their escapes undone.
fn links(html: &str) -> Vec<String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|link| link.replace("&amp;", "&").replace("&#39;", "'"))
        .collect()
}

#[test]
fn one_searches_narrows_down_pages_and_reads_without_scripts() {
    let server = Running::with_documents();
    let client = server.client();
    let home = client.get("/");
    assert_eq!((home.status, home.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(home.text().contains("<b>40</b> documents") && home.text().contains("name=\"q\""));

    let found = client.get("/?q=cherry+harvest&mode=lexical");
    assert!(
        found.text().contains("<mark>cherry</mark>") && found.text().contains("class=\"sentence\""),
        "{}",
        found.text()
    );
    assert!(found.text().contains("value=\"cherry harvest\""), "the box keeps the query");
    let links = links(found.text());
    let open = links.iter().find(|link| link.starts_with("/document?")).unwrap();
    let document = client.get(open.split('#').next().unwrap());
    assert!(
        document.text().contains("id=\"passage\"") && document.text().contains("<mark>cherry</mark>"),
        "{}",
        document.text()
    );
    assert!(open.ends_with("#passage"));

    let ripe = links.iter().find(|link| link.contains("f.ripe=true")).unwrap_or_else(|| panic!("{links:?}"));
    let narrowed = client.get(ripe);
    assert!(narrowed.text().contains("aria-current=\"true\""), "{}", narrowed.text());
    assert!(narrowed.text().contains("On the cherry") && !narrowed.text().contains("On the banana"));
    let next = links.iter().find(|link| link.contains("page=2")).unwrap();
    assert!(client.get(next).text().contains("Page 2"));
    assert!(client.get("/?q=cherry&page=50&mode=lexical").text().contains("Back to the first page"));
}

#[test]
fn every_kind_of_value_can_be_chosen() {
    let server = Running::start(config());
    let documents = json!([
        {"id": "1", "text": "pie", "n": 1, "s": "it's \"<b>\"", "d": "2024-05-01", "b": true, "odd `name`": "x", "mixed": 5},
        {"id": "2", "text": "pie", "n": 1, "s": "it's \"<b>\"", "d": "2024-05-01", "b": true, "odd `name`": "x", "mixed": "5"},
        {"id": "3", "text": "pie", "n": 2.5, "s": "plain", "d": "2025-05-01T00:00:00Z", "b": false, "odd `name`": "y", "mixed": "many"},
        {"id": "4", "text": "pie", "n": 2.5, "s": "plain", "d": "2025-05-01T00:00:00Z", "b": false, "odd `name`": "y", "mixed": "many"},
    ]);
    server.client().post("/v1/documents", &documents).expect(200);
    let page = server.client().get("/?q=pie");
    let facets: Vec<String> = links(page.text()).into_iter().filter(|link| link.contains("f.")).collect();
    assert_eq!(facets.len(), 12, "{facets:?}");
    for facet in facets {
        let narrowed = server.client().get(&facet);
        assert_eq!(narrowed.text().matches("class=\"hit\"").count(), 2, "{facet}: {}", narrowed.text());
    }
}

#[test]
fn what_documents_and_queries_say_is_shown_and_never_obeyed() {
    let server = Running::start(config());
    let evil = "<script>alert(1)</script><img src=x onerror=alert(1)>";
    let document = json!({"id": format!("x/{evil}\"'"), "title": evil, "text": format!("{evil} quokka"), "metadata": {evil: evil, "j": "javascript:alert(1)"}});
    server.client().post("/v1/documents", &document).expect(200);
    let query = "%3Cscript%3Ealert(1)%3C/script%3E+quokka";
    let found = server.client().get(&format!("/?q={query}&filter={query}"));
    assert!(found.text().contains("role=\"alert\""), "a filter with a mistake is told");
    let found = server.client().get(&format!("/?q={query}&mode=lexical"));
    let open = links(found.text()).into_iter().find(|link| link.starts_with("/document?")).unwrap();
    let shown = server.client().get(open.split('#').next().unwrap());
    let missing = server.client().get(&format!("/document?id={query}"));
    assert_eq!(missing.status, 404);
    for page in [&found, &shown, &missing] {
        assert!(!page.text().contains("<script>alert") && !page.text().contains("<img"), "{}", page.text());
    }
    assert!(shown.text().contains("&lt;script&gt;"));
    // A link back leads to the page, whatever the address says.
    let lured = server.client().get("/document?id=a&back=https://evil.example");
    assert!(lured.text().contains("href=\"/\"") && !lured.text().contains("evil"));
}

#[test]
fn nothing_found_and_nothing_there_are_said() {
    let server = Running::start(config());
    assert!(server.client().get("/").text().contains("no documents yet"));
    server.fill();
    assert!(server.client().get("/?q=xylophone&mode=lexical").text().contains("Nothing was found"));
    let fragment = server.client().get("/?q=apple&fragment=1");
    assert!(fragment.text().starts_with("<div") && !fragment.text().contains("<html"));
}

#[test]
fn style_and_script_are_the_servers_own_and_kept() {
    let server = Running::start(config());
    let home = server.client().get("/");
    for kind in ["page.css", "page.js"] {
        let start = home.text().find(&format!("/assets/{kind}?v=")).unwrap();
        let url = home.text()[start..].split('"').next().unwrap().to_owned();
        let asset = server.client().get(&url);
        assert_eq!(asset.status, 200);
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
    }
    // Nothing of the page comes from anywhere else, and nothing in it is inline script or style.
    assert!(
        !home.text().contains("//cdn")
            && !home.text().contains("<style")
            && !home.text().contains(" style=")
            && !home.text().contains("onclick")
    );
}
