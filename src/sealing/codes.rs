//! The codes of vectors in the store: short ones in runs that fill a value, long ones in parts.

use neodex_index::Key;
use neodex_index::vector::{Code, RowFormat};
use neodex_storage::{MAX_PAYLOAD_BYTES, Rows, Store, Table, Transaction};

use crate::error::{Error, Result};
use crate::load;
use crate::schema::{BURIED_CODES, CODES, FIRST_CODES, Slot};

/// Codes brought up to date in one transaction.
const RENEWED_TOGETHER: usize = 8;

/// The runs of codes, each with the number of its first code within them and cut into the parts it is stored in.
pub(crate) fn runs(codes: &[Code]) -> impl Iterator<Item = (u32, Vec<Vec<u8>>)> + '_ {
    let length = codes.first().map_or(1, |code| Code::byte_length(code.dimension()));
    let per_run = (MAX_PAYLOAD_BYTES / length).max(1);
    codes.chunks(per_run).enumerate().map(move |(run, codes)| {
        let bytes: Vec<u8> = codes.iter().flat_map(Code::to_bytes).collect();
        ((run * per_run) as u32, bytes.chunks(MAX_PAYLOAD_BYTES).map(<[u8]>::to_vec).collect())
    })
}

/// Puts the codes of keys that follow each other from `first` on.
pub(crate) fn put(tx: &mut Transaction<'_>, first: u64, codes: &[Code]) -> Result<()> {
    for (within, parts) in runs(codes) {
        for (part, bytes) in (0..).zip(parts) {
            tx.put(&CODES, &(first + u64::from(within), part), &bytes)?;
        }
    }
    Ok(())
}

/// All codes of a table, by key.
pub(crate) struct Codes {
    rows: std::iter::Peekable<Rows<(u64, u32), Vec<u8>>>,
    dimension: usize,
}

impl Codes {
    /// The codes of vectors of `dimension` values.
    pub(crate) fn of(store: &Store, table: &Table<(u64, u32), Vec<u8>>, dimension: usize) -> Codes {
        Codes { rows: store.scan(table).peekable(), dimension }
    }
}

impl Iterator for Codes {
    type Item = Result<Vec<(Key, Code)>>;

    fn next(&mut self) -> Option<Self::Item> {
        let ((first, _), mut bytes) = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error.into())),
        };
        let of_this =
            |row: &neodex_storage::Result<((u64, u32), Vec<u8>)>| matches!(row, Ok(((key, _), _)) if *key == first);
        while let Some(Ok((_, part))) = self.rows.next_if(of_this) {
            bytes.extend(part);
        }
        Some(decode(first, &bytes, self.dimension))
    }
}

fn decode(first: u64, bytes: &[u8], dimension: usize) -> Result<Vec<(Key, Code)>> {
    let length = Code::byte_length(dimension);
    if !bytes.len().is_multiple_of(length) {
        return Err(Error::Record {
            what: "code",
            key: first.to_string(),
            reason: format!("{} bytes are not a whole number of codes of {length}", bytes.len()),
        });
    }
    let codes = bytes.chunks_exact(length).zip(first..);
    let code = |(bytes, key): (&[u8], u64)| {
        let code = Code::from_bytes(bytes, dimension);
        let damaged = |error: neodex_index::Error| Error::Record {
            what: "code",
            key: key.to_string(),
            reason: error.to_string(),
        };
        Ok((Key(key), code.map_err(damaged)?))
    };
    codes.map(code).collect()
}

/// Moves the codes of `keys` to those of deleted vectors, at most `limit` rows of them, and returns how many rows that were: a graph still
/// walks over what was deleted.
pub(crate) fn bury(tx: &mut Transaction<'_>, keys: std::ops::Range<u64>, limit: usize) -> Result<usize> {
    let rows = tx.range(&CODES, (keys.start, 0)..(keys.end, 0))?.take(limit);
    let rows = rows.collect::<neodex_storage::Result<Vec<_>>>()?;
    for (key, bytes) in &rows {
        tx.put(&BURIED_CODES, key, bytes)?;
        tx.remove(&CODES, key)?;
    }
    Ok(rows.len())
}

/// Makes the codes of a database of the first kind, which had eight bits a value, anew from its full rows. Interrupted, it goes on where it
/// stopped.
pub(crate) fn renew(store: &Store, slot: Slot, dimension: usize, format: RowFormat) -> Result<()> {
    const OLD_HEADER_BYTES: usize = 8;
    loop {
        let old = store.scan(&FIRST_CODES).take(RENEWED_TOGETHER).collect::<neodex_storage::Result<Vec<_>>>()?;
        if old.is_empty() {
            return Ok(());
        }
        let mut renewed = Vec::with_capacity(old.len());
        for (first, bytes) in old {
            let count = bytes.len() / (OLD_HEADER_BYTES + dimension);
            let mut codes = Vec::with_capacity(count);
            for key in (first..).take(count) {
                let row = load::row(store, slot, Key(key), format, dimension)?.ok_or_else(|| Error::Record {
                    what: "vector",
                    key: key.to_string(),
                    reason: "its row is missing".to_owned(),
                })?;
                codes.push(Code::encode(&row)?);
            }
            renewed.push((first, codes));
        }
        store.commit(move |tx| -> Result<()> {
            for (first, codes) in &renewed {
                put(tx, *first, codes)?;
                tx.remove(&FIRST_CODES, first)?;
            }
            Ok(())
        })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_back_whatever_their_dimension() {
        for dimension in [1, 384, 2_500, 4_096] {
            let codes: Vec<Code> = (0..20)
                .map(|row| Code::encode(&(0..dimension).map(|i| (i + row) as f32).collect::<Vec<_>>()).unwrap())
                .collect();
            let mut found = Vec::new();
            for (first, parts) in runs(&codes) {
                assert!(parts.iter().all(|part| part.len() <= MAX_PAYLOAD_BYTES));
                found.extend(decode(100 + u64::from(first), &parts.concat(), dimension).unwrap());
            }
            assert_eq!(found, (100..).map(Key).zip(codes).collect::<Vec<_>>());
        }
        assert!(decode(0, &[0; 5], 384).is_err());
    }
}
