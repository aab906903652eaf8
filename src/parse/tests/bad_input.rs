//! Input that is large, damaged or hostile gets a clear answer, not a panic and not all of the memory.

use super::*;
use proptest::prelude::*;

fn limits(change: impl FnOnce(&mut Limits)) -> ParseOptions {
    let mut options = ParseOptions::default();
    change(&mut options.limits);
    options
}

#[test]
fn deep_nesting_is_only_depth() {
    let deep = |open: &str, close: &str, depth| format!("{}x{}", open.repeat(depth), close.repeat(depth));
    assert_eq!(one("a.html", deep("<div>", "</div>", 1_000_000)).text, "x");
    for (open, close) in [("<span>", ""), ("<ul><li>", ""), ("<nav>", "</nav>"), ("", "</b>"), ("<main>", "")] {
        let text = one("a.html", deep(open, close, 100_000)).text;
        assert!(text.ends_with('x'), "{open}: {} bytes", text.len());
    }
}

#[test]
fn deep_markdown() {
    for open in [">", "- ", "*", "[", "**a", "` ", "!["] {
        let text = one("a.md", format!("{}x", open.repeat(20_000))).text;
        assert!(text.contains('x'), "{open}");
    }
}

#[test]
fn a_long_single_line_is_fine_as_text_and_refused_as_a_record() {
    let line = "word ".repeat(2 << 20);
    assert_eq!(one("a.txt", line.clone()).text.len(), line.len());
    let options = limits(|limits| limits.max_record_bytes = 1 << 20);
    let source = Source::from_bytes(line.into_bytes(), "a.jsonl");
    let (documents, errors) = parse_with(&source, &options).unwrap();
    assert_eq!((documents.len(), errors.len()), (0, 1));
    assert!(errors[0].reason.contains("longer than 1048576 bytes"), "{}", errors[0]);
}

#[test]
fn too_large_files_are_named() {
    let options = limits(|limits| limits.max_document_bytes = 10);
    let refused = parse_with(&Source::from_bytes(vec![b'x'; 11], "a.txt"), &options).unwrap_err();
    assert!(matches!(refused, ParseError::TooLarge { limit: 10, .. }), "{refused}");
}

#[test]
fn bombs() {
    let zeros = vec![b'0'; 40 << 20];
    let packed = [("b.txt.gz", gzip(&zeros)), ("b.txt.zst", zstd::encode_all(&zeros[..], 1).unwrap())];
    for (name, bytes) in packed {
        let (_folder, path) = file(name, &bytes);
        let refused = parse_with(&Source::from_path(&path, name), &ParseOptions::default()).unwrap_err();
        assert!(matches!(refused, ParseError::Bomb { .. }), "{name}: {refused}");
    }
}

#[test]
fn damaged_packing() {
    let mut cut = gzip(&b"some honest text, ".repeat(1000));
    cut.truncate(cut.len() / 2);
    for (name, bytes) in [("a.txt.gz", cut), ("a.jsonl.zst", b"not zstd".to_vec()), ("a.gz", b"nor gzip".to_vec())] {
        let (_folder, path) = file(name, &bytes);
        let refused = parse_with(&Source::from_path(&path, name), &ParseOptions::default());
        assert!(refused.is_err(), "{name}");
    }
}

#[test]
fn a_quote_left_open_does_not_read_the_file_into_memory() {
    let mut rows = "id,text\n1,\"open\n".to_owned();
    rows.push_str(&"2,never,closed\n".repeat(200_000));
    let options = limits(|limits| limits.max_record_bytes = 1 << 20);
    let refused = parse_with(&Source::from_bytes(rows.into_bytes(), "a.csv"), &options).unwrap_err();
    assert!(refused.to_string().contains("quote left open"), "{refused}");
}

#[test]
fn what_cannot_be_read_at_all() {
    assert!(matches!(parse("a.bin", vec![0, 1, 2]), Err(ParseError::Binary)));
    let missing =
        parse_path("no/such/file.txt".as_ref(), "x", &ParseOptions::default(), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(missing, Err(ParseError::Io { .. })));
    let as_text = ParseOptions { format: Some(Format::Text), ..ParseOptions::default() };
    assert!(parse_with(&Source::from_bytes(vec![0, 1, 2], "a.bin"), &as_text).is_ok(), "named, so read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for name in ["a.txt", "a.md", "a.html", "a.jsonl", "a.csv", "a.pdf", "a.docx", "a.epub", "a.parquet", "a"] {
            let _ = parse(name, bytes.clone());
        }
    }

    #[test]
    fn headings_always_stand_in_the_text(pieces in prop::collection::vec(
        prop::sample::select(vec![
            "<h1>", "</h1>", "<h2>", "</h3>", "<p>", "<pre>", "</pre>", "<li>", "<ul>", "</ul>", "<main>", "</main>", "<a>", "</a>",
            "§", " a ", "b", "\n", "é\u{a0}", "<td>", "<div>", "</div>", "<nav>", "</nav>", "# ", "- ", "\n\n", "    ", "<title>", "&lt;",
        ]), 0..40))
    {
        let markup = pieces.concat();
        for name in ["a.html", "a.md"] {
            let document = one(name, markup.clone());
            let mut last = 0;
            for heading in &document.headings {
                prop_assert!(heading.offset >= last);
                last = heading.offset;
                prop_assert!(!heading.text.is_empty());
                prop_assert!(document.text[heading.offset..].starts_with(&heading.text), "{:?}", document);
            }
        }
    }
}
