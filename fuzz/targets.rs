//! What is fuzzed: everything that reads bytes or text from outside. Each takes any bytes, and must come back without a panic, within its limits.
//!
//! Used by the targets of cargo-fuzz here, and by `tests/fuzz` with a mutator that needs no nightly compiler.

use std::ops::ControlFlow;
use std::time::Duration;

use neodex::parse::{Format, Limits, ParseOptions, Source, parse_source};
use neodex::{Distance, RowFormat};

/// A name, and what takes the bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: [Target; 19] = [
    ("value", neodex_storage::fuzzing::value),
    ("manifest", neodex_storage::fuzzing::manifest),
    ("snapshot", neodex_storage::fuzzing::snapshot),
    ("rows", neodex::fuzzing::rows),
    ("version", neodex::fuzzing::version),
    ("document", document),
    ("vectors", vectors),
    ("segment", segment),
    ("filter", filter),
    ("html", |bytes| file(Format::Html, bytes)),
    ("markdown", |bytes| file(Format::Markdown, bytes)),
    ("text", |bytes| file(Format::Text, bytes)),
    ("jsonl", |bytes| file(Format::Jsonl, bytes)),
    ("csv", |bytes| file(Format::Csv, bytes)),
    ("pdf", |bytes| file(Format::Pdf, bytes)),
    ("docx", |bytes| file(Format::Docx, bytes)),
    ("epub", |bytes| file(Format::Epub, bytes)),
    ("parquet", |bytes| file(Format::Parquet, bytes)),
    ("model", model),
];

/// Runs a target by its name.
#[allow(dead_code)]
pub(crate) fn run(name: &str, bytes: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(target, _)| *target == name) {
        target(bytes);
    }
}

/// Small limits, so that an input that reaches them does so soon.
fn file(format: Format, bytes: &[u8]) {
    let limits = Limits {
        max_document_bytes: 4 << 20,
        max_record_bytes: 1 << 20,
        max_unpacked_bytes: 16 << 20,
        max_pages: 50,
        max_time: Duration::from_secs(10),
        ..Limits::default()
    };
    let options = ParseOptions { format: Some(format), limits, ..ParseOptions::default() };
    let source = Source::from_bytes(bytes.to_vec(), "fuzz");
    let mut documents = 0;
    let _ = parse_source(&source, &options, &mut |read| {
        if let Ok(document) = read {
            assert!(document.check().is_ok(), "a parser gave a document that may not be stored");
            documents += 1;
        }
        if documents < 1_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
}

/// A stored document: what is read can be written, and is the same again.
fn document(bytes: &[u8]) {
    use neodex::document::record;
    if let Ok(document) = record::decode(bytes)
        && let Ok(again) = record::encode(&document)
    {
        assert_eq!(record::decode(&again).ok(), Some(document));
    }
}

/// Stored vectors: the first byte chooses format and dimension.
fn vectors(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let format = RowFormat::ALL[usize::from(kind) % RowFormat::ALL.len()];
    let _ = format.decode(bytes, usize::from(kind));
    let _ = neodex_index::vector::Code::from_bytes(bytes, usize::from(kind));
    let _ = String::from_utf8_lossy(bytes).parse::<Distance>();
}

/// A stored segment of vectors: what is accepted can be filled with rows and walked through.
fn segment(bytes: &[u8]) {
    use neodex_index::Key;
    use neodex_index::vector::{Code, Query, SearchOptions, SegmentLoader};

    let Ok(mut loader) = SegmentLoader::new(bytes, 8, Distance::Cosine) else { return };
    let (Ok(code), Ok(query)) = (Code::encode(&[0.5; 8]), Query::new(&[1.0, -1.0, 0.5, 0.0, 0.1, 0.2, 0.3, 1.0]))
    else {
        return;
    };
    for key in 0..60 {
        loader.offer(Key(key), &code);
    }
    loader.end_of_living();
    (60..200).for_each(|key| loader.offer_dead(Key(key), &code));
    if let Some(segment) = loader.finish() {
        let found = segment.find(&query, 5, None, &SearchOptions::default());
        assert!(found.is_ok_and(|(found, _)| found.iter().all(|found| found.key.0 < 60)), "a deleted vector was found");
    }
}

/// The filter language: what is understood can be written as text, and means the same again.
fn filter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(predicate) = neodex::query::parse(&text) {
        let written = neodex::query::to_text(&predicate);
        assert_eq!(neodex::query::parse(&written).ok(), Some(predicate), "{text:?} as {written:?}");
    }
}

/// A model's files: the first byte says which of them the rest stands for; the others are sound.
#[cfg(feature = "encoder")]
fn model(bytes: &[u8]) {
    use neodex_encoder::{Encoder, ModelFiles, ModelFolder, Options};
    use std::sync::OnceLock;

    static TINY: OnceLock<Option<ModelFiles>> = OnceLock::new();
    let folder =
        format!("{}/encoder/tests/fixtures/neobert-tiny", env!("CARGO_MANIFEST_DIR").trim_end_matches("/fuzz"));
    let tiny = TINY.get_or_init(|| ModelFolder::open(folder).and_then(|folder| folder.read()).ok());
    let (Some(tiny), Some((&kind, bytes))) = (tiny, bytes.split_first()) else { return };
    let mut files = tiny.clone();
    match kind % 3 {
        0 => files.config = bytes.to_vec().into(),
        1 => files.tokenizer = bytes.to_vec().into(),
        _ => files.weights = vec![bytes.to_vec().into()],
    }
    if let Ok(encoder) = Encoder::from_files(&files, &Options::default()) {
        let _ = encoder.embed(&["a few words"], neodex_encoder::Role::Query);
    }
}

/// A build without the encoder reads no models.
#[cfg(not(feature = "encoder"))]
fn model(_: &[u8]) {}
