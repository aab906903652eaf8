//! Doors to the decoders for the fuzzer: each takes any bytes and must not panic.

use neodex_storage::TableValue;

use crate::ingest::operation::Operation;
use crate::ingest::rows::unpack_block;
use crate::record::VersionRecord;
use crate::schema::{Head, Source, Totals};

/// Heads, sources, totals, journal entries and blocks of text; the first byte chooses.
pub fn rows(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    match kind % 5 {
        0 => drop(Head::decode(bytes)),
        1 => drop(Source::decode(bytes)),
        2 => drop(Totals::decode(bytes)),
        3 => drop(Operation::decode(bytes)),
        _ => drop(unpack_block(bytes)),
    }
}

/// The record of a version.
pub fn version(bytes: &[u8]) {
    drop(VersionRecord::decode(bytes));
}

/// Seeds for [`rows`] and [`version`]: sound bytes of every kind.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut row = |kind: u8, write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = vec![kind];
        write(&mut bytes);
        seeds.push(("rows", bytes));
    };
    let head = Head { version: 77, chunks: 3, record_parts: 1, text_bytes: 999, content_hash: [7; 16], slots: 1 };
    row(0, &|bytes| head.encode(bytes));
    let source = Source { root: "/notes".to_owned(), length: 10, modified_ns: 1 << 60, many: true, documents: 4 };
    row(1, &|bytes| source.encode(bytes));
    let mut totals = Totals::default();
    totals.add(&head);
    row(2, &|bytes| totals.encode(bytes));
    let replaced = Operation::Insert { id: "a/b".to_owned(), version: 9, replaced: Some((3, 4)) };
    for operation in [replaced, Operation::Delete { version: 9, chunks: 2 }] {
        row(3, &|bytes| bytes.extend(operation.encode()));
    }
    let mut packed = Vec::new();
    let text = "otters and rivers ".repeat(400);
    if crate::ingest::rows::text_rows(&text, &mut packed).is_ok() {
        for part in packed {
            if let crate::ingest::rows::Row::Text(_, stored) = part {
                row(4, &|bytes| bytes.extend(&stored));
            }
        }
    }
    let mut document = crate::Document::new("id", "# Top\n\nwords and more").title("A title").metadata("year", 1999);
    document.headings = vec![crate::Heading { level: 1, text: "Top".to_owned(), offset: 0 }];
    let chunks = [crate::chunking::Chunk { span: 0..12, heading_path: vec![0] }];
    seeds.extend(VersionRecord::encode(&document, &chunks).map(|bytes| ("version", bytes)));
    seeds.extend(crate::document::record::encode(&document).map(|bytes| ("document", bytes)));
    seeds
}
