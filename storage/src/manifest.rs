//! `FORMAT`: what a database is, in plain text outside the store, so that a newer or damaged one is named without
//! opening anything.
//!
//! ```text
//! format = 3
//! database = 5f0e7a9c44d21b0381c6e2f7a4b9d035
//! store = store.3
//! dimension = 384
//! checksum = 1c291ca3
//! ```
//!
//! The first line is read before everything else, whatever the rest of a newer format looks like. `store` is the folder
//! of the store, so that writing this one small file is what switches from an old store to a new one (compaction,
//! restoring, repair); format 1 had no such line. Between it and `checksum` (CRC32C of all lines above) stand the
//! caller's own fields, sorted by name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::durability::replace_file;
use crate::error::{Error, Result};
use crate::identity::DatabaseId;

/// The database format that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 3;

/// The oldest database format that this program reads, bringing it up to date.
pub const OLDEST_FORMAT: u32 = 1;

/// The folder of a new database's store.
pub(crate) const FIRST_STORE: &str = "store";

/// A fingerprint needs a few hundred bytes; what is larger than this is no manifest.
const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// What a database is: its format, its random name, and the caller's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The version of the on-disk layout.
    pub format: u32,
    /// The database's random name.
    pub database: DatabaseId,
    /// The folder of the store within the database's: `store`, or `store.` and a number.
    pub store: String,
    /// The caller's fields by name. Names are made of `a-z`, `0-9`, `_`, `-` and `.`; values are single lines.
    pub fields: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of a new database with these fields.
    pub(crate) fn new(fields: BTreeMap<String, String>) -> Self {
        Self { format: FORMAT_VERSION, database: DatabaseId::random(), store: FIRST_STORE.to_owned(), fields }
    }

    /// Reads the manifest of the database in `dir` without opening it; `None` where there is no database.
    ///
    /// # Errors
    /// [`Error::UnsupportedFormat`] for a newer database; [`Error::Damaged`] where the manifest does not add up, or is
    /// missing beside a store; [`Error::Io`] where it cannot be read.
    pub fn read(dir: impl AsRef<Path>) -> Result<Option<Self>> {
        let dir = dir.as_ref();
        let path = manifest_path(dir);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes, dir).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if has_store(dir) {
                    return Err(Error::damaged(
                        &path,
                        "the file is missing although there is a store; `neodex repair` makes it again",
                    ));
                }
                Ok(None)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                Err(Error::NotFound { path: dir.to_path_buf() })
            }
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Writes the manifest into `dir`, replacing the old one as a whole.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        replace_file(&manifest_path(dir), self.render()?.as_bytes())
    }

    /// # Errors
    /// [`Error::InvalidField`] where a field could not be written.
    pub(crate) fn check(&self) -> Result<()> {
        self.render().map(drop)
    }

    /// The file's text.
    pub(crate) fn render(&self) -> Result<String> {
        let mut text = String::new();
        let _ = writeln!(text, "format = {}", self.format);
        let _ = writeln!(text, "database = {}", self.database);
        let _ = writeln!(text, "store = {}", self.store);
        for (name, value) in &self.fields {
            check_field(name, value)?;
            let _ = writeln!(text, "{name} = {value}");
        }
        let checksum = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "checksum = {checksum:08x}");
        Ok(text)
    }

    /// Reads the file's bytes; `dir` is for messages.
    pub(crate) fn parse(bytes: &[u8], dir: &Path) -> Result<Self> {
        let damaged = |what: &str| {
            Error::damaged(
                &manifest_path(dir),
                format!("{what} (it is not meant to be edited); `neodex repair` makes it again"),
            )
        };
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(damaged("it is far too large"));
        }
        let format = first_line(bytes)
            .and_then(|line| line.strip_prefix("format = "))
            .and_then(|number| number.parse::<u32>().ok())
            .filter(|format| *format > 0)
            .ok_or_else(|| damaged("its first line is not a format number"))?;
        if format > FORMAT_VERSION {
            return Err(Error::UnsupportedFormat { path: dir.to_path_buf(), found: format, supported: FORMAT_VERSION });
        }

        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
        let (covered, checksum) =
            text.rfind("checksum = ").map(|at| text.split_at(at)).ok_or_else(|| damaged("its checksum is missing"))?;
        if checksum != format!("checksum = {:08x}\n", crc32c::crc32c(covered.as_bytes())) {
            return Err(damaged("its checksum does not fit"));
        }

        let mut database = None;
        let mut store = FIRST_STORE.to_owned();
        let mut fields = BTreeMap::new();
        for line in covered.lines().skip(1) {
            let (name, value) =
                line.split_once(" = ").ok_or_else(|| damaged("a line is not of the form `name = value`"))?;
            match name {
                "database" => database = DatabaseId::parse(value),
                "store" if !is_store_name(value) => return Err(damaged("it names a store that cannot be")),
                "store" => store = value.to_owned(),
                _ => {
                    fields.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(Self { format, database: database.ok_or_else(|| damaged("the database's id is missing"))?, store, fields })
    }
}

/// Whether a field can be written as a line and read back as it was.
fn check_field(name: &str, value: &str) -> Result<()> {
    let invalid = |reason| Err(Error::InvalidField { name: name.to_owned(), reason });
    let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    if name.is_empty() || !name.bytes().all(letters) {
        return invalid("names are made of a-z, 0-9, '_', '-' and '.'");
    }
    if matches!(name, "format" | "database" | "store" | "checksum") {
        return invalid("the name is the store's own");
    }
    if value.contains(['\n', '\r']) {
        return invalid("values are single lines");
    }
    Ok(())
}

/// Whether this is how the folder of a store is called: `store`, or `store.` and a number.
pub(crate) fn is_store_name(name: &str) -> bool {
    let number = name.strip_prefix(FIRST_STORE).map(|rest| rest.strip_prefix('.'));
    match number {
        Some(None) => name == FIRST_STORE,
        Some(Some(number)) => (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()),
        None => false,
    }
}

/// The stores in a database's folder, whether FORMAT names them or not.
pub(crate) fn stores(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_store_name(name)).collect();
    names.sort();
    names
}

fn has_store(dir: &Path) -> bool {
    !stores(dir).is_empty()
}

/// Whether there is a database in `dir`, or what is left of one: FORMAT or a store.
#[must_use]
pub fn is_database(dir: impl AsRef<Path>) -> bool {
    manifest_path(dir.as_ref()).exists() || has_store(dir.as_ref())
}

/// Where the manifest of the database in `dir` is.
pub(crate) fn manifest_path(dir: &Path) -> PathBuf {
    dir.join("FORMAT")
}

fn first_line(bytes: &[u8]) -> Option<&str> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_come_back_as_they_were() {
        let dir = Path::new("db");
        let odd = fields(&[("a", ""), ("b", " = x = "), ("c.d_e-9", "checksum = 0 é "), ("z", "checksum = ")]);
        let manifest = Manifest::new(odd);
        let text = manifest.render().unwrap();
        assert_eq!(Manifest::parse(text.as_bytes(), dir).unwrap(), manifest);
    }

    #[test]
    fn fields_that_would_not_come_back_are_refused() {
        for (name, value) in [("", "x"), ("a b", "x"), ("format", "2"), ("checksum", "0"), ("a", "x\ny")] {
            let refused = Manifest::new(fields(&[(name, value)])).render();
            assert!(matches!(refused, Err(Error::InvalidField { .. })), "{name}");
        }
    }

    #[test]
    fn every_bit_flip_is_noticed() {
        let text = Manifest::new(fields(&[("dimension", "384")])).render().unwrap();
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::parse(&bytes, Path::new("db")).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100), start: bool) {
            let mut text = if start { b"format = 1\n".to_vec() } else { Vec::new() };
            text.extend(bytes);
            prop_assert!(Manifest::parse(&text, Path::new("db")).is_err());
        }
    }
}
