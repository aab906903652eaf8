//! The zip around docx and epub, unpacked within limits: what a header claims is not believed, bytes are counted.

use crate::parse::{Format, Limits, ParseError, Source, encoding};
use std::fs::File;
use std::io::Read;
use zip::ZipArchive;
use zip::result::ZipError;

/// An open archive.
pub(super) struct Archive {
    zip: ZipArchive<File>,
    format: Format,
    limits: Limits,
    packed_bytes: u64,
    unpacked_bytes: u64,
}

impl Archive {
    pub(super) fn open(source: &Source, format: Format, limits: &Limits) -> Result<Self, ParseError> {
        let file = source.seekable(limits)?;
        let packed_bytes = file.metadata()?.len();
        Ok(Self {
            zip: ZipArchive::new(file).map_err(|error| ParseError::malformed(format, error))?,
            format,
            limits: limits.clone(),
            packed_bytes,
            unpacked_bytes: 0,
        })
    }

    /// The text of an entry; `None` where there is no such entry.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ParseError> {
        let format = self.format;
        let entry = match self.zip.by_name(name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(ParseError::malformed(format, format!("{name}: {error}"))),
        };
        let ratio_bytes = self.packed_bytes.saturating_mul(self.limits.max_ratio);
        let by_ratio = ratio_bytes.max(self.limits.ratio_from_bytes);
        let left = |limit: u64| limit.saturating_sub(self.unpacked_bytes);
        let limit = left(by_ratio).min(left(self.limits.max_unpacked_bytes)).min(self.limits.max_document_bytes as u64);
        let mut bytes = Vec::new();
        entry
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| ParseError::malformed(format, format!("{name}: {error}")))?;
        if bytes.len() as u64 > limit {
            return Err(if limit == left(by_ratio) {
                ParseError::Bomb { ratio: self.limits.max_ratio }
            } else {
                ParseError::TooLarge { what: format!("{name} in the archive"), limit }
            });
        }
        self.unpacked_bytes += bytes.len() as u64;
        Ok(Some(encoding::decode(bytes)))
    }

    /// The text of an entry that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, ParseError> {
        self.text(name)?.ok_or_else(|| ParseError::malformed(self.format, format!("the archive has no {name}")))
    }
}
