//! Doors to the decoders for the fuzzer: each takes any bytes and must not panic.

use std::path::Path;

use crate::carve::scan_window;
use crate::codec;
use crate::manifest::Manifest;
use crate::snapshot::drain;

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
