//! The form of every stored value: it says itself what it is.
//!
//! ```text
//! offset  size  field (all integers little-endian)
//!      0     2  magic "nX"
//!      2     1  format of the value (1)
//!      3     1  table
//!      4     1  flags (0 = live; 1 = removed, only in snapshots)
//!      5     2  key length k
//!      7     8  sequence of the transaction that wrote it
//!     15     4  generation
//!     19     4  payload length n
//!     23     4  CRC32C of everything else
//!     27     k  the full key, without the table byte
//!   27+k     n  payload
//! ```
//!
//! A reader trusts nothing: the checksum, every length, and that table and key are those asked for. Because a value
//! names its own table, key and age, rows can be carved out of the raw file when sled itself will not open.

use crate::sequence::Sequence;

const MAGIC: [u8; 2] = *b"nX";
const FORMAT: u8 = 1;
const LIVE: u8 = 0;
const REMOVED: u8 = 1;
/// Bytes before the key.
const HEADER_BYTES: usize = 27;
const CHECKSUM: std::ops::Range<usize> = 23..27;

/// The longest key in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// The longest payload of one row in bytes.
///
/// sled keeps a leaf of up to 17 rows in its log only while it is smaller than a quarter of a segment (128 KiB);
/// beyond that it makes a file for it that is neither synced nor ever collected.
pub const MAX_PAYLOAD_BYTES: usize = 3840;

/// What a stored value says of itself beside its table and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored<'a> {
    pub(crate) sequence: Sequence,
    pub(crate) generation: u32,
    pub(crate) payload: &'a [u8],
}

/// Writes the value for a row. `key` and `payload` are within their limits: the tables have checked them.
pub(crate) fn encode(table: u8, key: &[u8], stored: Stored<'_>) -> Vec<u8> {
    write(table, LIVE, key, stored)
}

fn write(table: u8, flags: u8, key: &[u8], stored: Stored<'_>) -> Vec<u8> {
    debug_assert!(key.len() <= MAX_KEY_BYTES && stored.payload.len() <= MAX_PAYLOAD_BYTES);
    let key_length = u16::try_from(key.len()).unwrap_or(u16::MAX);
    let payload_length = u32::try_from(stored.payload.len()).unwrap_or(u32::MAX);
    let mut value = Vec::with_capacity(HEADER_BYTES + key.len() + stored.payload.len());
    value.extend_from_slice(&MAGIC);
    value.extend_from_slice(&[FORMAT, table, flags]);
    value.extend_from_slice(&key_length.to_le_bytes());
    value.extend_from_slice(&stored.sequence.0.to_le_bytes());
    value.extend_from_slice(&stored.generation.to_le_bytes());
    value.extend_from_slice(&payload_length.to_le_bytes());
    let head = crc32c::crc32c(&value);
    value.extend_from_slice(&[0; 4]);
    value.extend_from_slice(key);
    value.extend_from_slice(stored.payload);
    let checksum = crc32c::crc32c_append(head, value.get(HEADER_BYTES..).unwrap_or_default());
    if let Some(field) = value.get_mut(CHECKSUM) {
        field.copy_from_slice(&checksum.to_le_bytes());
    }
    value
}

/// A value taken apart, before anybody has asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parsed<'a> {
    pub(crate) table: u8,
    pub(crate) key: &'a [u8],
    pub(crate) stored: Stored<'a>,
    /// Whether it stands for a removed row.
    pub(crate) removed: bool,
    /// Bytes of the value; more may follow.
    pub(crate) length: usize,
}

impl Parsed<'_> {
    /// The key as sled sees it.
    pub(crate) fn sled_key(&self) -> Vec<u8> {
        [&[self.table], self.key].concat()
    }
}

/// What every value begins with, to look for in raw bytes.
pub(crate) const BEGINNING: [u8; 3] = [MAGIC[0], MAGIC[1], FORMAT];

/// The longest value in bytes.
pub(crate) const MAX_VALUE_BYTES: usize = HEADER_BYTES + MAX_KEY_BYTES + MAX_PAYLOAD_BYTES;

/// Writes the record of a removal, for streams of rows; a store has no row for what is removed.
pub(crate) fn encode_removal(sled_key: &[u8]) -> Vec<u8> {
    let (table, key) = sled_key.split_first().map_or((0, sled_key), |(table, key)| (*table, key));
    write(table, REMOVED, key, Stored { sequence: Sequence::ZERO, generation: 0, payload: &[] })
}

/// Reads the value of a row, or says what is wrong with it.
pub(crate) fn decode<'a>(table: u8, key: &[u8], value: &'a [u8]) -> Result<Stored<'a>, String> {
    let parsed = parse(value)?;
    if parsed.length != value.len() {
        return Err(format!("{} bytes follow where it should end", value.len() - parsed.length));
    }
    if parsed.table != table {
        return Err(format!("it belongs to table {}, not {table}", parsed.table));
    }
    if parsed.key != key {
        return Err(format!("it belongs to key {}", describe_key(parsed.key)));
    }
    if parsed.removed {
        return Err("it says that the row is removed".to_owned());
    }
    Ok(parsed.stored)
}

/// Reads the value that `bytes` begin with, whatever row it is of.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed<'_>, String> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(format!("{} bytes are too few for a value", bytes.len()));
    };
    let mut fields = Fields(header);
    if fields.take::<2>() != MAGIC {
        return Err("it does not begin like a value".to_owned());
    }
    let [format, table, flags] = fields.take();
    if format != FORMAT {
        return Err(format!("value format {format} is not known, only {FORMAT}"));
    }
    let key_length = usize::from(u16::from_le_bytes(fields.take()));
    let sequence = Sequence(u64::from_le_bytes(fields.take()));
    let generation = u32::from_le_bytes(fields.take());
    let payload_length = u32::from_le_bytes(fields.take()) as usize;
    let checksum = u32::from_le_bytes(fields.take());
    if key_length > MAX_KEY_BYTES || payload_length > MAX_PAYLOAD_BYTES {
        return Err("its lengths are beyond what a value may have".to_owned());
    }
    let Some((body, _)) = body.split_at_checked(key_length + payload_length) else {
        return Err(format!("{} bytes are left where {} were written", body.len(), key_length + payload_length));
    };
    let (head, _) = header.split_at(CHECKSUM.start);
    if crc32c::crc32c_append(crc32c::crc32c(head), body) != checksum {
        return Err("the checksum does not fit".to_owned());
    }
    let (key, payload) = body.split_at(key_length);
    Ok(Parsed {
        table,
        key,
        stored: Stored { sequence, generation, payload },
        removed: match flags {
            LIVE => false,
            REMOVED => true,
            _ => return Err(format!("flags {flags} are not known")),
        },
        length: HEADER_BYTES + body.len(),
    })
}

/// A key for people: quoted where it is printable text, hexadecimal otherwise.
pub(crate) fn describe_key(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => format!("{text:?}"),
        _ => {
            use std::fmt::Write;
            key.iter().fold(String::from("0x"), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        }
    }
}

/// Takes a header apart from the front; more than it holds reads as zeros.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn stored(payload: &[u8]) -> Stored<'_> {
        Stored { sequence: Sequence(7), generation: 3, payload }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            table: u8, key in vec(any::<u8>(), 0..60), payload in vec(any::<u8>(), 0..300), sequence: u64, generation: u32,
        ) {
            let stored = Stored { sequence: Sequence(sequence), generation, payload: &payload };
            let value = encode(table, &key, stored);
            prop_assert_eq!(decode(table, &key, &value), Ok(stored));
            prop_assert!(decode(table.wrapping_add(1), &key, &value).is_err());
            let mut other = key.clone();
            other.push(0);
            prop_assert!(decode(table, &other, &value).is_err());
        }

        #[test]
        fn any_bytes_are_survived(value in vec(any::<u8>(), 0..200), valid_start: bool) {
            let mut value = value;
            if valid_start && value.len() > 5 {
                value[..5].copy_from_slice(&[MAGIC[0], MAGIC[1], FORMAT, 0, 0]);
            }
            prop_assert!(decode(0, b"key", &value).is_err());
        }

        #[test]
        fn any_cut_is_detected(payload in vec(any::<u8>(), 0..50), keep in 0.0..1.0f64) {
            let value = encode(20, b"key", stored(&payload));
            let end = (value.len() as f64 * keep) as usize;
            prop_assert!(decode(20, b"key", &value[..end]).is_err());
        }
    }

    #[test]
    fn any_single_bit_flip_is_detected() {
        let good = encode(20, b"key", stored(b"some payload"));
        for bit in 0..good.len() * 8 {
            let mut value = good.clone();
            value[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(20, b"key", &value).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let value = encode(20, b"k", stored(b"pp"));
        let checksum = value[23..27].to_vec();
        let mut expected = b"nX\x01\x14\x00\x01\x00".to_vec();
        expected.extend_from_slice(&[7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]);
        expected.extend_from_slice(&checksum);
        expected.extend_from_slice(b"kpp");
        assert_eq!(value, expected);
        let mut covered = value[..23].to_vec();
        covered.extend_from_slice(&value[27..]);
        assert_eq!(checksum, crc32c::crc32c(&covered).to_le_bytes());
    }

    #[test]
    fn the_largest_row_stays_clear_of_sleds_blob_files() {
        let quarter_segment = 512 * 1024 / 4;
        assert!(17 * (1 + 2 * MAX_KEY_BYTES + HEADER_BYTES + MAX_PAYLOAD_BYTES) < quarter_segment);
    }

    #[test]
    fn keys_are_readable() {
        assert_eq!(describe_key(b"doc-1"), "\"doc-1\"");
        assert_eq!(describe_key(&[0, 255]), "0x00ff");
        assert_eq!(describe_key(b""), "0x");
    }
}
