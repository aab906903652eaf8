//! What the store itself knows of the database it belongs to: the id, and the text of FORMAT, so that a lost or damaged
//! FORMAT can be made again. FORMAT is the truth; the mirror is brought up to it on opening.

use crate::codec::{self, MAX_PAYLOAD_BYTES, Stored};
use crate::error::{Error, Result};
use crate::identity::DatabaseId;
use crate::manifest::Manifest;
use crate::sequence::Sequence;
use crate::table::Table;
use crate::transaction::Transaction;

/// Which database this store belongs to, and what its manifest says.
pub(crate) const IDENTITY: Table<String, String> = Table::internal(2, "identity");
/// The id's row.
pub(crate) const DATABASE: &str = "database";
/// The rows of the manifest's text are this and a number.
pub(crate) const MANIFEST: &str = "manifest/";

/// Writes the manifest's text as part of a transaction.
pub(crate) fn put(transaction: &mut Transaction<'_>, text: &str) -> Result<()> {
    let mut parts = 0;
    for (number, bytes) in text.as_bytes().chunks(MAX_PAYLOAD_BYTES).enumerate() {
        transaction.put_payload(IDENTITY.id(), part_key(number)?, bytes)?;
        parts = number + 1;
    }
    transaction.remove_key(IDENTITY.id(), part_key(parts)?).map(drop)
}

/// The rows, for sled, of a store that belongs to this database.
pub(crate) fn rows(manifest: &Manifest, sequence: Sequence) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let id = manifest.database.to_string();
    let mut rows = vec![row(IDENTITY.sled_key(DATABASE)?, sequence, id.as_bytes())];
    let text = manifest.render()?;
    for (number, bytes) in text.as_bytes().chunks(MAX_PAYLOAD_BYTES).enumerate() {
        rows.push(row(part_key(number)?, sequence, bytes));
    }
    Ok(rows)
}

/// Which database the store says it belongs to.
pub(crate) fn database(tree: &sled::Tree) -> Result<Option<DatabaseId>> {
    let key = IDENTITY.sled_key(DATABASE)?;
    match tree.get(&key).map_err(Error::engine("read its identity"))? {
        Some(value) => Ok(DatabaseId::parse(&IDENTITY.read_value(&key, &value)?)),
        None => Ok(None),
    }
}

/// Whether the store knows the manifest as it is.
pub(crate) fn is_current(tree: &sled::Tree, manifest: &Manifest) -> bool {
    let Ok(rows) = rows(manifest, Sequence::ZERO) else { return false };
    rows.iter().all(|(key, value)| {
        let payload = |value: &[u8]| codec::parse(value).map(|parsed| parsed.stored.payload.to_vec()).ok();
        tree.get(key).ok().flatten().is_some_and(|stored| payload(&stored) == payload(value))
    })
}

fn part_key(number: usize) -> Result<Vec<u8>> {
    IDENTITY.sled_key(&format!("{MANIFEST}{number:03}"))
}

fn row(sled_key: Vec<u8>, sequence: Sequence, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = sled_key.get(1..).unwrap_or_default();
    let value = codec::encode(IDENTITY.id(), key, Stored { sequence, generation: 0, payload });
    (sled_key, value)
}
