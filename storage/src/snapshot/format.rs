//! The bytes of a snapshot.
//!
//! ```text
//! "neodex snapshot 1\n"
//! u32 length, FORMAT's text
//! u32 length, a value (codec.rs), for every row; a later one takes the place of an earlier one with its key
//! u32 0
//! u64 sequence of the last transaction, u64 rows (all that were written, later ones counted again)
//! 32 bytes BLAKE3 of everything above
//! ```
//!
//! All integers are little-endian. A row says itself which table and key it is of; one that was removed while the
//! snapshot was made is a value with the flag for that.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::codec::{self, MAX_VALUE_BYTES, Parsed};
use crate::copy::Target;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::sequence::Sequence;

/// The version of the layout of snapshots that is written, and the newest that is read.
pub const SNAPSHOT_VERSION: u32 = 1;

const TITLE: &str = "neodex snapshot ";
/// A manifest is a few hundred bytes.
const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// Writes a snapshot from front to back.
pub(crate) struct SnapshotWriter<'w> {
    out: &'w mut dyn Write,
    hash: blake3::Hasher,
    rows: u64,
    bytes: u64,
}

impl<'w> SnapshotWriter<'w> {
    /// Writes the beginning.
    pub(crate) fn begin(out: &'w mut dyn Write, manifest: &Manifest) -> Result<Self> {
        let mut writer = Self { out, hash: blake3::Hasher::new(), rows: 0, bytes: 0 };
        writer.write(format!("{TITLE}{SNAPSHOT_VERSION}\n").as_bytes())?;
        writer.framed(manifest.render()?.as_bytes())?;
        Ok(writer)
    }

    /// Writes the end; the rows and bytes of the whole.
    pub(crate) fn end(mut self, sequence: Sequence) -> Result<(u64, u64)> {
        self.write(&0u32.to_le_bytes())?;
        self.write(&sequence.0.to_le_bytes())?;
        self.write(&self.rows.to_le_bytes())?;
        let hash = self.hash.finalize();
        self.write(hash.as_bytes())?;
        self.out.flush().map_err(Error::io("write", Path::new("the snapshot")))?;
        Ok((self.rows, self.bytes))
    }

    fn framed(&mut self, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.write(&length.to_le_bytes())?;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(Error::io("write", Path::new("the snapshot")))
    }
}

impl Target for SnapshotWriter<'_> {
    fn put(&mut self, _: &[u8], value: &[u8]) -> Result<()> {
        self.rows += 1;
        self.framed(value)
    }

    fn remove(&mut self, sled_key: &[u8]) -> Result<()> {
        self.rows += 1;
        self.framed(&codec::encode_removal(sled_key))
    }
}

/// Reads a snapshot from front to back.
pub(crate) struct SnapshotReader<'r> {
    input: &'r mut dyn Read,
    hash: blake3::Hasher,
    rows: u64,
    value: Vec<u8>,
    pub(crate) manifest: Manifest,
}

impl<'r> SnapshotReader<'r> {
    /// Reads the beginning.
    pub(crate) fn begin(input: &'r mut dyn Read) -> Result<Self> {
        let mut reader = Self {
            input,
            hash: blake3::Hasher::new(),
            rows: 0,
            value: Vec::new(),
            manifest: Manifest::new(Default::default()),
        };
        let mut title = Vec::new();
        while title.last() != Some(&b'\n') {
            let [byte] = reader.take::<1>("it is no snapshot of neodex")?;
            title.push(byte);
            if title.len() > TITLE.len() + 12 {
                return Err(broken("it is no snapshot of neodex"));
            }
        }
        let version = std::str::from_utf8(&title).ok().and_then(|title| title.trim_end().strip_prefix(TITLE));
        match version.and_then(|version| version.parse::<u32>().ok()) {
            Some(SNAPSHOT_VERSION) => {}
            Some(found) if found > SNAPSHOT_VERSION => {
                return Err(Error::UnsupportedSnapshot { found, supported: SNAPSHOT_VERSION });
            }
            _ => return Err(broken("it is no snapshot of neodex")),
        }
        let length = u32::from_le_bytes(reader.take(CUT)?) as usize;
        if length > MAX_MANIFEST_BYTES {
            return Err(broken("its manifest is far too large"));
        }
        reader.fill(length)?;
        reader.manifest = Manifest::parse(&reader.value, Path::new("the snapshot"))?;
        Ok(reader)
    }

    /// The next row; `None` at the end, once the whole has been found sound.
    pub(crate) fn next(&mut self) -> Result<Option<Parsed<'_>>> {
        let length = u32::from_le_bytes(self.take(CUT)?) as usize;
        if length == 0 {
            return self.end().map(|()| None);
        }
        if length > MAX_VALUE_BYTES {
            return Err(broken("a row is longer than rows can be"));
        }
        self.fill(length)?;
        self.rows += 1;
        match codec::parse(&self.value) {
            Ok(parsed) if parsed.length == length => Ok(Some(parsed)),
            Ok(_) => Err(broken("a row is followed by bytes of none")),
            Err(reason) => Err(broken(&format!("a row is damaged ({reason})"))),
        }
    }

    /// The bytes of the row that [`SnapshotReader::next`] gave last.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    fn end(&mut self) -> Result<()> {
        let _sequence = self.take::<8>(CUT)?;
        let rows = u64::from_le_bytes(self.take(CUT)?);
        let expected = self.hash.finalize();
        let found = self.take::<32>(CUT)?;
        if rows != self.rows || found != *expected.as_bytes() {
            return Err(broken("its checksum does not fit"));
        }
        Ok(())
    }

    fn fill(&mut self, length: usize) -> Result<()> {
        self.value.resize(length, 0);
        read(self.input, &mut self.value, CUT)?;
        self.hash.update(&self.value);
        Ok(())
    }

    fn take<const N: usize>(&mut self, otherwise: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        read(self.input, &mut bytes, otherwise)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }
}

/// What a snapshot is of, without reading its rows.
///
/// # Errors
/// [`Error::BadSnapshot`] for something else; [`Error::UnsupportedSnapshot`] and [`Error::UnsupportedFormat`] for a newer
/// one; [`Error::Io`].
pub fn read_snapshot_manifest(input: &mut dyn Read) -> Result<Manifest> {
    Ok(SnapshotReader::begin(input)?.manifest)
}

/// Reads a snapshot to its end, for what there is to find wrong with it.
pub(crate) fn drain(input: &mut dyn Read) -> Result<()> {
    let mut reader = SnapshotReader::begin(input)?;
    while reader.next()?.is_some() {}
    Ok(())
}

const CUT: &str = "it ends too early";

fn read(input: &mut dyn Read, bytes: &mut [u8], otherwise: &str) -> Result<()> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => broken(otherwise),
        _ => Error::io("read", Path::new("the snapshot"))(error),
    })
}

fn broken(reason: &str) -> Error {
    Error::BadSnapshot { reason: reason.to_owned() }
}
