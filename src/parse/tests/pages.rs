//! Text, Markdown and HTML.

use super::*;
use serde_json::json;

#[test]
fn text_is_kept_as_it_is() {
    let document = one("notes/a.txt", "\u{feff}  One\r\n\ttwo \n");
    assert_eq!(document.text, "  One\r\n\ttwo \n");
    assert_eq!((document.id.as_str(), document.title.as_str()), ("notes/a.txt", ""));
    assert!(one("empty.txt", "").text.is_empty());
    assert_eq!(one("README", "no extension").text, "no extension");
    assert_eq!(one("bad.txt", b"caf\xE9".to_vec()).text, "caf\u{FFFD}");
}

#[test]
fn markdown() {
    let document = one(
        "a.md",
        "---\nauthor: Ada\ntags: [x, y]\n---\n# The *Title*\n\nFirst [link](http://x) and `code`,\nwrapped.\n\n## Second\n\n\
         - one\n- two\n  1. inner\n\n```rust\nfn main() {\n\n    x();\n}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<p>raw <b>html</b></p>\n",
    );
    assert_eq!(document.title, "The Title");
    assert_eq!(
        document.text,
        "The Title\n\nFirst link and code, wrapped.\n\nSecond\n\n- one\n- two\n  1. inner\n\nfn main() {\n\n    x();\n}\n\n\
         a | b\n1 | 2\n\nraw html"
    );
    assert_headings(&document, &[(1, "The Title"), (2, "Second")]);
    assert_eq!(serde_json::Value::from(document.metadata), json!({"author": "Ada", "tags": ["x", "y"]}));
    assert_eq!(one("b.md", "---\ntitle: Front\n---\ntext").title, "Front");
}

#[test]
fn html_keeps_what_is_read() {
    let document = one(
        "a.html",
        "<!DOCTYPE html><html lang=en><head><title>A &amp; B</title><meta name=author content='Ada'>\
         <style>p{}</style><script>if (a<b) '</p>'</script></head><body><nav>Menu</nav><header>Site</header>\
         <h1>One<a href='#one'>¶</a></h1><p>Caf&eacute;&nbsp;au\n lait<br>here <span hidden>no</span>\
         <button>Copy</button></p><ol><li>x<li>y<ul><li>z</ul></ol>\
         <pre><code>a\n  b\n</code></pre><table><tr><th>k<th>v<tr><td>1<td>2</table>\
         <div style='display: none'>no</div><h2><a>Two</a></h2>End<aside>side</aside><footer>foot</footer></body>",
    );
    assert_eq!(document.title, "A & B");
    assert_eq!(document.text, "One\n\nCafé au lait\nhere\n\n1. x\n2. y\n  - z\n\na\n  b\n\nk | v\n1 | 2\n\nTwo\n\nEnd");
    assert_headings(&document, &[(1, "One"), (2, "Two")]);
    assert_eq!(serde_json::Value::from(document.metadata), json!({"lang": "en", "author": "Ada"}));
}

#[test]
fn the_main_part_is_the_page() {
    let page = "<body><div>Shortcuts</div><main><header><h1>T</h1></header><p>Body</p></main><div>Next</div>";
    let document = one("a.html", page);
    assert_eq!((document.text.as_str(), document.title.as_str()), ("T\n\nBody", "T"));
    assert_eq!(one("b.html", "<main> </main><p>Outside").text, "Outside");
}

#[test]
fn a_page_of_nothing_but_furniture_is_still_read() {
    assert_eq!(one("a.html", "<nav><p>Only this").text, "Only this");
    assert_eq!(one("a.html", "<aside>One</aside><script>x</script>").text, "One");
    assert_eq!(one("a.html", "").text, "");
}

#[test]
fn html_in_old_encodings() {
    let latin = b"<meta charset=\"iso-8859-1\"><p>caf\xE9 \x93q\x94".to_vec();
    assert_eq!(one("a.html", latin).text, "café “q”");
    assert_eq!(one("b.html", b"<p>caf\xE9".to_vec()).text, "caf\u{FFFD}");
}

#[test]
fn packed_files_are_their_content() {
    let (_folder, path) = file("a.md.gz", &gzip(b"# Hi\n\nthere"));
    let (documents, _) = parse_with(&Source::from_path(&path, "a.md.gz"), &ParseOptions::default()).unwrap();
    assert_eq!((documents[0].title.as_str(), documents[0].id.as_str()), ("Hi", "a.md.gz"));
    let (_folder, path) = file("b.zst", &zstd::encode_all(&b"plain words"[..], 1).unwrap());
    let (documents, _) = parse_with(&Source::from_path(&path, "b.zst"), &ParseOptions::default()).unwrap();
    assert_eq!(documents[0].text, "plain words");
}
