//! The page in a real browser: results as one types, keys, facets, the document open at its passage, light and dark, a phone, no scripts.
//! Pictures are left in the target folder's `tmp`, for somebody to look at.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "harness/browser.rs"]
mod browser;
mod harness;

use browser::Browser;
use harness::{Running, config};
use serde_json::json;

/// Documents that look like something: this repository's own pages, and one that means harm.
fn library() -> Running {
    let server = Running::start(config());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut documents = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "training/README.md", "models/small/MODEL_CARD.md"] {
        if let Ok(text) = std::fs::read_to_string(root.join(name)) {
            let kind = if name.contains('/') { "part" } else { "top" };
            documents.push(
                json!({"id": name, "title": name.trim_end_matches(".md"), "text": text, "kind": kind, "lang": "en"}),
            );
        }
    }
    for number in 0..12 {
        let text = format!(
            "{}Somewhere in here the quokka number {number} is mentioned. {}",
            "Filler goes first. ".repeat(600),
            "More filler follows. ".repeat(600)
        );
        documents.push(json!({"id": format!("long/{number}"), "title": format!("Long text {number}"), "text": text, "kind": "long", "lang": if number % 2 == 0 { "en" } else { "de" }}));
    }
    let evil = "<img src=x onerror='window.harmed=1'><script>window.harmed=1</script>";
    documents.push(json!({"id": "evil", "title": evil, "text": format!("{evil} wombat"), "kind": evil, "lang": "en"}));
    let answer = server.client().post("/v1/documents", &json!(documents)).expect(200);
    assert_eq!(answer["failed"], 0);
    server.ready();
    server
}

#[test]
fn a_person_searches() {
    let server = library();
    let mut page = Browser::start();
    page.view(1200, 850, false, false);
    page.open(&server.url);
    page.until("document.activeElement.id === 'q'");
    page.picture("page-home");

    // As one types, without pressing Enter.
    page.type_text("what survives a power loss");
    page.until("document.querySelectorAll('.hit').length > 2 && location.search.includes('loss')");
    assert_eq!(page.eval("document.activeElement.id"), "q");
    page.picture("page-results-light");
    page.view(1200, 850, false, true);
    page.picture("page-results-dark");
    page.view(1200, 850, false, false);

    // By keys: to the first hit, why it is there, into the document and back.
    page.press("ArrowDown");
    page.until("document.activeElement === document.querySelector('.hit h2 a')");
    page.press("j");
    page.until("document.activeElement === document.querySelectorAll('.hit h2 a')[1]");
    page.press("k");
    page.press("e");
    page.until("document.querySelector('.hit .why').open");
    page.picture("page-explained");
    page.press("/");
    page.until("document.activeElement.id === 'q'");
    page.press("Escape");
    page.until("document.querySelectorAll('.hit').length === 0 && document.body.classList.contains('home')");

    // A passage deep in a long document is where its page opens.
    page.type_text("quokka number 7");
    page.until("document.querySelector('.hit h2')?.textContent === 'Long text 7'");
    page.press("ArrowDown");
    page.press("Enter");
    page.until("location.pathname === '/document' && document.readyState === 'complete'");
    page.until("(() => { const at = document.querySelector('#passage mark').getBoundingClientRect(); return at.top > 0 && at.bottom < innerHeight })()");
    assert!(page.eval("scrollY").as_f64().unwrap() > 1_000.0);
    page.picture("page-document");
    page.press("Escape");
    page.until("location.pathname === '/' && document.querySelectorAll('.hit').length > 0");

    // A facet narrows down, and the way back widens again.
    let all = page.eval("document.querySelectorAll('.hit').length");
    page.eval("[...document.querySelectorAll('aside a')].find((link) => link.textContent.startsWith('de')).click()");
    page.until("document.querySelector('aside .chosen') && location.search.includes('f.lang=de')");
    page.until("[...document.querySelectorAll('.hit .fields')].every((fields) => fields.textContent.includes('de'))");
    page.eval("history.back()");
    page.until(&format!(
        "!document.querySelector('aside .chosen') && document.querySelectorAll('.hit').length === {all}"
    ));

    // What a document says is shown and never obeyed.
    page.open(&format!("{}?q=wombat", server.url));
    page.until("document.querySelector('.hit h2').textContent.includes('onerror')");
    assert_eq!(page.eval("window.harmed === undefined && document.images.length === 0"), true);
    assert_eq!(page.complaints, [] as [String; 0], "scripts ran through and the policy forbade nothing");
}

#[test]
fn on_a_phone_nothing_sticks_out() {
    let server = library();
    let mut page = Browser::start();
    for (name, dark) in [("page-phone", false), ("page-phone-dark", true)] {
        page.view(390, 844, true, dark);
        page.open(&format!("{}?q=how+are+documents+cut+into+passages", server.url));
        page.until("document.querySelectorAll('.hit').length > 0");
        assert_eq!(page.eval("document.documentElement.scrollWidth <= innerWidth"), true);
        page.picture(name);
    }
    page.eval("document.querySelector('.hit h2 a').click()");
    page.until("location.pathname === '/document' && document.querySelector('#passage')");
    assert_eq!(page.eval("document.documentElement.scrollWidth <= innerWidth"), true);
    page.picture("page-phone-document");
    page.open(&format!("{}docs", server.url));
    assert_eq!(page.eval("document.documentElement.scrollWidth <= innerWidth"), true);
}

#[test]
fn it_works_without_scripts() {
    let server = library();
    let mut page = Browser::start();
    page.view(1200, 850, false, false);
    page.send("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    page.open(&server.url);
    page.send("Input.insertText", json!({"text": "journal fsync"}));
    page.press("Enter");
    page.until("location.search.includes('journal+fsync') && document.querySelectorAll('.hit').length > 0");
    assert!(page.eval("document.querySelectorAll('.hit mark').length").as_u64().unwrap() > 0);
    page.picture("page-without-scripts");
}
