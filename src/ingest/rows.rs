//! The rows of one version of a document, made before its transaction so that the commit thread only has to put them.

use neodex_index::vector::Code;
use neodex_storage::{MAX_PAYLOAD_BYTES, Transaction};

use crate::error::{Error, Result};
use crate::schema::{CODES, PARTS_PER_BLOCK, RECORDS, Slot, TEXT_BLOCK_BYTES, TEXTS};
use crate::sealing::codes;

/// A row of a version, keyed relative to the version's first chunk key.
#[derive(Debug)]
pub(crate) enum Row {
    /// Part of the record.
    Record(u32, Vec<u8>),
    /// A part of a block of text.
    Text(u32, Vec<u8>),
    /// A part of a run of codes that begins at this chunk.
    Codes(u32, u32, Vec<u8>),
    /// A part of the full-precision row of this chunk.
    Vector(u32, u32, Vec<u8>),
}

impl Row {
    /// Bytes this row adds to a transaction, keys and headers left out.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Row::Record(_, bytes) | Row::Text(_, bytes) => bytes.len(),
            Row::Codes(_, _, bytes) | Row::Vector(_, _, bytes) => bytes.len(),
        }
    }

    /// Puts the row under `version`, a vector into `slot`.
    pub(crate) fn put(&self, tx: &mut Transaction<'_>, version: u64, slot: Slot) -> Result<()> {
        match self {
            Row::Record(part, bytes) => tx.put(&RECORDS, &(version, *part), bytes)?,
            Row::Text(part, bytes) => tx.put(&TEXTS, &(version, *part), bytes)?,
            Row::Codes(chunk, part, bytes) => tx.put(&CODES, &(version + u64::from(*chunk), *part), bytes)?,
            Row::Vector(chunk, part, bytes) => tx.put(slot.rows(), &(version + u64::from(*chunk), *part), bytes)?,
        }
        Ok(())
    }
}

/// Cuts the record into rows and returns how many parts it has.
pub(crate) fn record_rows(record: &[u8], rows: &mut Vec<Row>) -> u32 {
    let before = rows.len();
    rows.extend((0..).zip(record.chunks(MAX_PAYLOAD_BYTES)).map(|(part, bytes)| Row::Record(part, bytes.to_vec())));
    (rows.len() - before) as u32
}

/// How a block of text is kept; the first byte of its first part.
const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// Cuts and compresses the text into rows.
///
/// # Errors
/// [`Error::Argument`] for a text whose blocks do not fit the key.
pub(crate) fn text_rows(text: &str, rows: &mut Vec<Row>) -> Result<()> {
    if text.len() / TEXT_BLOCK_BYTES >= (u32::MAX / PARTS_PER_BLOCK) as usize {
        return Err(Error::Argument {
            field: "text",
            reason: "a document's text must be smaller than 8 TB".to_owned(),
        });
    }
    let mut compressor = zstd::bulk::Compressor::new(1).map_err(Error::io("zstd"))?;
    for (block, raw) in (0..).zip(text.as_bytes().chunks(TEXT_BLOCK_BYTES)) {
        let mut stored = vec![ZSTD];
        let packed = compressor.compress(raw).map_err(Error::io("zstd"))?;
        if packed.len() < raw.len() {
            stored.extend_from_slice(&packed);
        } else {
            stored = vec![RAW];
            stored.extend_from_slice(raw);
        }
        let parts = (0..).zip(stored.chunks(MAX_PAYLOAD_BYTES));
        rows.extend(parts.map(|(part, bytes)| Row::Text(block * PARTS_PER_BLOCK + part, bytes.to_vec())));
    }
    Ok(())
}

/// The bytes of a block from its joined parts; `None` when they are not what [`text_rows`] wrote.
pub(crate) fn unpack_block(stored: &[u8]) -> Option<Vec<u8>> {
    let (&kind, bytes) = stored.split_first()?;
    match kind {
        RAW => Some(bytes.to_vec()),
        ZSTD => zstd::bulk::decompress(bytes, TEXT_BLOCK_BYTES).ok(),
        _ => None,
    }
}

/// Packs codes into runs that fill a value each.
pub(crate) fn code_rows(codes: &[Code], rows: &mut Vec<Row>) {
    for (first, parts) in codes::runs(codes) {
        rows.extend((0..).zip(parts).map(|(part, bytes)| Row::Codes(first, part, bytes)));
    }
}

/// Cuts each full-precision row into parts.
pub(crate) fn vector_rows(encoded: &[Vec<u8>], rows: &mut Vec<Row>) {
    for (chunk, bytes) in (0..).zip(encoded) {
        let parts = (0..).zip(bytes.chunks(MAX_PAYLOAD_BYTES));
        rows.extend(parts.map(|(part, bytes)| Row::Vector(chunk, part, bytes.to_vec())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_text_come_back() {
        let noise: String = (0..40_000u32)
            .map(|i| char::from_u32(0x4e00 + i.wrapping_mul(2_654_435_761) % 20_000).unwrap_or('x'))
            .collect();
        for text in ["", "short", &"words and words ".repeat(4_000), &noise] {
            let mut rows = Vec::new();
            text_rows(text, &mut rows).unwrap();
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            for row in rows {
                let Row::Text(part, bytes) = row else { panic!("only text was made") };
                assert!(bytes.len() <= MAX_PAYLOAD_BYTES);
                if part % PARTS_PER_BLOCK == 0 {
                    blocks.push(Vec::new());
                }
                blocks.last_mut().unwrap().extend(bytes);
            }
            let raw: Vec<u8> = blocks.iter().flat_map(|block| unpack_block(block).unwrap()).collect();
            assert_eq!(raw, text.as_bytes());
        }
    }
}
