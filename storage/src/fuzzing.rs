//! Doors to the decoders for the fuzzer: each takes any bytes and must not panic. And a hand that damages a stored value, for tests of what notices.

use std::path::Path;

use crate::carve::scan_window;
use crate::codec;
use crate::error::{Error, Result};
use crate::key::{AsKey, TableKey};
use crate::manifest::Manifest;
use crate::snapshot::drain;
use crate::store::Store;
use crate::table::Table;
use crate::value::TableValue;

/// A stored value, as it stands in sled and as it is carved out of raw bytes.
pub fn value(bytes: &[u8]) {
    let mut found = 0usize;
    let end = scan_window(bytes, bytes.len(), &mut |value| found += value.length);
    assert!(found <= bytes.len() && end <= bytes.len());
    if let Ok(parsed) = codec::parse(bytes) {
        let key = parsed.key.to_vec();
        let _ = codec::decode(parsed.table, &key, bytes);
    }
}

/// FORMAT.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes, Path::new("fuzz")) {
        let _ = manifest.render();
    }
}

/// A snapshot, from its first byte to its last.
pub fn snapshot(bytes: &[u8]) {
    let _ = drain(&mut &*bytes);
}

/// Changes the bytes of a stored value behind the store's back, header, key and checksum included; false where there is no such row.
///
/// # Errors
/// [`Error::KeyTooLarge`]; [`Error::Engine`] where sled cannot read or write.
pub fn damage<K: TableKey, V: TableValue, Q: AsKey<K> + ?Sized>(
    store: &Store,
    table: &Table<K, V>,
    key: &Q,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<bool> {
    let (live, key) = (store.engine().live(), table.sled_key(key)?);
    let Some(value) = live.get(&key).map_err(Error::engine("read"))? else { return Ok(false) };
    let mut value = value.to_vec();
    change(&mut value);
    live.insert(key, value).map_err(Error::engine("write"))?;
    Ok(true)
}
