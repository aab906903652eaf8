//! A document as stored bytes.
//!
//! ```text
//! version u8 = 1 | packed u8 (0 plain, 1 zstd) | if packed: unpacked length | payload
//! payload: id | title | text | number of headings | headings | metadata
//! heading: level u8 | offset | text length * 2 + (1 when the text follows, 0 when it stands in the text at offset)
//! ```
//! Strings are a LEB128 length and UTF-8. Heading lines stand in the text already, so they are seldom stored twice.

use super::value::{self, Reader};
use super::{Document, DocumentError, DocumentId, Heading, MAX_TEXT_BYTES, Metadata};

/// The version written; older ones are read.
pub const RECORD_VERSION: u8 = 1;

/// The longest unpacked record, in bytes: the longest text and room for the rest.
const MAX_RECORD_BYTES: usize = MAX_TEXT_BYTES + (256 << 20);

/// zstd cannot pack better than this, so a greater claim is damage and reserves nothing.
const MAX_RATIO: usize = 50_000;

/// Below this many bytes packing gains nothing.
const SMALLEST_PACKED: usize = 128;

/// Level 1: documents are written once and the disk is not the bottleneck.
const LEVEL: i32 = 1;

/// The document as bytes, packed when that is shorter.
///
/// # Errors
/// When [`Document::check`] refuses the document.
pub fn encode(document: &Document) -> Result<Vec<u8>, DocumentError> {
    document.check()?;
    let payload = payload(document);
    let mut record = vec![RECORD_VERSION];
    if payload.len() >= SMALLEST_PACKED {
        let packed = zstd::bulk::compress(&payload, LEVEL)
            .map_err(|error| DocumentError::Packing { id: document.id.to_string(), reason: error.to_string() })?;
        if packed.len() + 8 < payload.len() && payload.len() <= MAX_RECORD_BYTES {
            record.push(1);
            value::write_length(&mut record, payload.len() as u64);
            record.extend_from_slice(&packed);
            return Ok(record);
        }
    }
    record.push(0);
    record.extend_from_slice(&payload);
    Ok(record)
}

/// The document back from [`encode`]'s bytes.
///
/// # Errors
/// When the bytes are of a newer version, damaged, or unpack to more than a document may hold.
pub fn decode(record: &[u8]) -> Result<Document, DocumentError> {
    let mut header = Reader::new(record);
    let version = header.byte()?;
    if version != RECORD_VERSION {
        return Err(DocumentError::UnsupportedVersion { found: version, supported: RECORD_VERSION });
    }
    match header.byte()? {
        0 => parse(record.get(2..).unwrap_or_default()),
        1 => {
            let length = header.length()?;
            let packed = header.rest();
            if length > MAX_RECORD_BYTES || length / MAX_RATIO > packed.len() {
                return Err(header.error("its unpacked length cannot be true"));
            }
            let payload =
                zstd::bulk::decompress(packed, length).map_err(|_| header.error("its packed bytes are damaged"))?;
            parse(&payload)
        }
        _ => Err(header.error("it is packed in an unknown way")),
    }
}

fn payload(document: &Document) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.text.len() + document.title.len() + 256);
    value::write_bytes(&mut out, document.id.as_str().as_bytes());
    value::write_bytes(&mut out, document.title.as_bytes());
    value::write_bytes(&mut out, document.text.as_bytes());
    value::write_length(&mut out, document.headings.len() as u64);
    for heading in &document.headings {
        out.push(heading.level);
        value::write_length(&mut out, heading.offset as u64);
        let standing = document.text.get(heading.offset..);
        let stands = standing.is_some_and(|text| text.starts_with(&heading.text));
        value::write_length(&mut out, (heading.text.len() as u64) * 2 + u64::from(!stands));
        if !stands {
            out.extend_from_slice(heading.text.as_bytes());
        }
    }
    value::write_object(&mut out, document.metadata.as_map());
    out
}

fn parse(payload: &[u8]) -> Result<Document, DocumentError> {
    let mut reader = Reader::new(payload);
    let id = DocumentId::from(reader.string()?);
    let title = reader.string()?.to_owned();
    let text = reader.string()?.to_owned();
    let count = reader.length()?;
    let mut headings = Vec::with_capacity(count.min(payload.len() / 3));
    for _ in 0..count {
        headings.push(heading(&mut reader, &text)?);
    }
    let metadata = Metadata::from(reader.object(value::MAX_DEPTH)?);
    if !reader.is_at_end() {
        return Err(reader.error("bytes are left over"));
    }
    Ok(Document { id, title, text, headings, metadata })
}

fn heading(reader: &mut Reader<'_>, text: &str) -> Result<Heading, DocumentError> {
    let level = reader.byte()?;
    let offset = reader.length()?;
    let length = reader.length()?;
    let words = if length % 2 == 1 {
        std::str::from_utf8(reader.take(length / 2)?).map_err(|_| reader.error("a heading is not UTF-8"))?
    } else {
        offset
            .checked_add(length / 2)
            .and_then(|end| text.get(offset..end))
            .ok_or_else(|| reader.error("a heading stands outside the text"))?
    };
    Ok(Heading { level, text: words.to_owned(), offset })
}
