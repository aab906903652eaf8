//! JSON Lines, BEIR and CSV.

use super::*;
use serde_json::{Value, json};
use std::fs;

fn fields(document: &Document) -> (&str, &str, &str, Value) {
    let metadata = Value::from(document.metadata.clone());
    (document.id.as_str(), &document.title, &document.text, metadata)
}

#[test]
fn jsonl_records_and_their_metadata() {
    let (documents, errors) = parse(
        "c.jsonl",
        "\u{feff}{\"_id\":\"a\",\"title\":\"T\",\"text\":\"x\",\"metadata\":{\"year\":1},\"url\":\"u\"}\n\n{\"text\":\"y\",\"id\":7}\r\n{\"text\":\"z\"}",
    )
    .unwrap();
    assert!(errors.is_empty());
    assert_eq!(fields(&documents[0]), ("a", "T", "x", json!({"year": 1, "url": "u"})));
    assert_eq!(fields(&documents[1]), ("7", "", "y", json!({})));
    assert_eq!(fields(&documents[2]), ("c.jsonl#4", "", "z", json!({})));
}

#[test]
fn a_bad_record_does_not_stop_the_others() {
    let options =
        ParseOptions { limits: Limits { max_record_bytes: 60, ..Limits::default() }, ..ParseOptions::default() };
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(100));
    let lines = format!(
        "{{\"text\":1}}\nnot json\n[1]\n{{\"id\":\"n\",\"body\":\"?\"}}\n{long}\n{{\"id\":\"\",\"text\":\"\"}}\n{{\"id\":{{}},\"text\":\"\"}}\n{{\"id\":\"ok\",\"text\":\"y\"}}"
    );
    let (documents, errors) = parse_with(&Source::from_bytes(lines.into(), "c.jsonl"), &options).unwrap();
    let ids: Vec<&str> = documents.iter().map(|document| document.id.as_str()).collect();
    assert_eq!(ids, ["c.jsonl#1", "ok"]);
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let expected = [
        "c.jsonl#2: not JSON",
        "c.jsonl#3: the line is JSON but not an object",
        "c.jsonl#4: no field 'text' for the text (it has: body); name the right one with --text-field",
        "c.jsonl#5: the line is longer than 60 bytes",
        "c.jsonl#6: a document's id must not be empty",
        "c.jsonl#7: the id is an object",
    ];
    assert_eq!(shown.len(), expected.len());
    for (shown, expected) in shown.iter().zip(expected) {
        assert!(shown.starts_with(expected), "{shown}");
    }
}

#[test]
fn fields_by_name_and_stopping_early() {
    let options = ParseOptions {
        fields: RecordFields { id: Some("key".into()), text: Some("body".into()), title: Some("name".into()) },
        ..ParseOptions::default()
    };
    let lines = "{\"key\":1,\"body\":\"b\",\"name\":\"n\",\"id\":9}\n".repeat(5);
    let mut seen = Vec::new();
    parse_reader(lines.as_bytes(), "-", &options, &mut |result| {
        seen.push(result.unwrap());
        if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(fields(&seen[0]), ("1", "n", "b", json!({"id": 9})));
}

#[test]
fn beir_folders() {
    let corpus = "{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"x\",\"metadata\":{}}\n";
    let folder = tempfile::tempdir().unwrap();
    let empty = parse_path(folder.path(), "b", &ParseOptions::default(), &mut |_| ControlFlow::Continue(()));
    assert!(empty.unwrap_err().to_string().contains("corpus.jsonl"));
    fs::write(folder.path().join("corpus.jsonl.zst"), zstd::encode_all(corpus.as_bytes(), 1).unwrap()).unwrap();
    fs::write(folder.path().join("queries.jsonl"), "not read").unwrap();
    let (documents, errors) = parse_with(&Source::from_path(folder.path(), "b"), &ParseOptions::default()).unwrap();
    assert!(errors.is_empty());
    assert_eq!(fields(&documents[0]), ("d1", "T", "x", json!({})));
}

#[test]
fn csv_columns_by_name() {
    let (documents, errors) = parse(
        "t.csv",
        "\u{feff}id,text,year,price,code,ok\n1,\"a, \"\"b\"\"\nc\",1999,2.5,007,true\n2,d,,,,\n3,e,1,2,3,4,5\n",
    )
    .unwrap();
    let metadata = json!({"year": 1999, "price": 2.5, "code": "007", "ok": true});
    assert_eq!(fields(&documents[0]), ("1", "", "a, \"b\"\nc", metadata));
    assert_eq!(fields(&documents[1]), ("2", "", "d", json!({})));
    assert_eq!(errors.len(), 1);
    assert!(errors[0].reason.contains("7 cells"), "{}", errors[0]);
    let (documents, _) = parse("t.tsv", "text\tn\na, b\t5\n").unwrap();
    assert_eq!(fields(&documents[0]), ("t.tsv#2", "", "a, b", json!({"n": 5})));
    assert_eq!(parse("t.csv", "").unwrap().0.len(), 0);
}
