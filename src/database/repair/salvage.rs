//! What can still be read of documents that are not whole: for people to look at, not for the database.

use std::io::Write;
use std::path::{Path, PathBuf};

use neodex_storage::Store;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::ingest::rows::unpack_block;
use crate::load;
use crate::schema::{PARTS_PER_BLOCK, TEXT_BLOCK_BYTES, TEXTS};

/// What is left of a document.
#[derive(Debug, Serialize)]
pub(super) struct Remains {
    id: String,
    title: Option<String>,
    /// The parts of its text that can be read, each with the byte it begins at.
    parts: Vec<(u64, String)>,
}

/// Reads what is left of these versions, from the draft in which their rows still are.
pub(super) fn read(store: &Store, lost: &[(String, u64)]) -> Result<Vec<Remains>> {
    let mut remains = Vec::new();
    for (id, version) in lost {
        let title = load::record(store, *version).ok().flatten().map(|record| record.document.title);
        let blocks = blocks(store, *version)?.into_iter();
        let parts: Vec<(u64, String)> =
            blocks.map(|(at, bytes)| (at, String::from_utf8_lossy(&bytes).into_owned())).collect();
        if title.is_some() || !parts.is_empty() {
            remains.push(Remains { id: id.clone(), title, parts });
        }
    }
    Ok(remains)
}

/// How long the text of a version seems to be: to the end of its last block.
pub(super) fn text_length(store: &Store, version: u64) -> Result<u64> {
    let blocks = blocks(store, version)?;
    Ok(blocks.last().map_or(0, |(at, bytes)| at + bytes.len() as u64))
}

/// The blocks of a version's text that can be read, each with the byte it begins at.
fn blocks(store: &Store, version: u64) -> Result<Vec<(u64, Vec<u8>)>> {
    let mut packed: Vec<(u32, Vec<u8>)> = Vec::new();
    for row in store.range(&TEXTS, (version, 0)..=(version, u32::MAX))? {
        let ((_, part), bytes) = row?;
        let block = part / PARTS_PER_BLOCK;
        match packed.last_mut() {
            Some((last, stored)) if *last == block => stored.extend(bytes),
            _ => packed.push((block, bytes)),
        }
    }
    let unpacked = packed
        .into_iter()
        .filter_map(|(block, stored)| Some((u64::from(block) * TEXT_BLOCK_BYTES as u64, unpack_block(&stored)?)));
    Ok(unpacked.collect())
}

/// Writes it beside the database's parts, under a name that is free.
pub(super) fn write(path: &Path, remains: &[Remains]) -> Result<Option<PathBuf>> {
    if remains.is_empty() {
        return Ok(None);
    }
    let mut file = path.join("salvaged.jsonl");
    let mut number = 1;
    while file.exists() {
        number += 1;
        file = path.join(format!("salvaged-{number}.jsonl"));
    }
    let mut out = Vec::new();
    for remains in remains {
        serde_json::to_writer(&mut out, remains).map_err(|error| Error::io(&file)(error.into()))?;
        out.push(b'\n');
    }
    let written = std::fs::File::create(&file).and_then(|mut to| {
        to.write_all(&out)?;
        to.sync_all()
    });
    written.map_err(Error::io(&file))?;
    Ok(Some(file))
}
