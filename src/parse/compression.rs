//! `.gz` and `.zst` around any format, unpacked as a stream that refuses bombs.

use super::{Limits, ParseError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard, one or several frames.
    Zstd,
}

impl Compression {
    /// By extension: `.gz`, `.zst`.
    pub fn from_path(path: &Path) -> Compression {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) if extension.eq_ignore_ascii_case("gz") => Compression::Gzip,
            Some(extension) if extension.eq_ignore_ascii_case("zst") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// The path without `.gz` or `.zst`.
    pub fn strip(path: &Path) -> PathBuf {
        match Self::from_path(path) {
            Compression::None => path.to_owned(),
            Compression::Gzip | Compression::Zstd => path.with_extension(""),
        }
    }

    /// A reader of what is inside. Where it unpacks to more than the limits' ratio, reading fails.
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub fn unpack<'a>(self, packed: impl Read + Send + 'a, limits: &Limits) -> io::Result<Box<dyn Read + Send + 'a>> {
        if self == Compression::None {
            return Ok(Box::new(packed));
        }
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: packed, bytes: Arc::clone(&taken) };
        let inner: Box<dyn Read + Send + 'a> = match self {
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(counted)),
            _ => {
                let mut decoder = zstd::stream::read::Decoder::new(counted)?;
                // A frame may ask for a window of 2 GiB; 128 MiB is what every zstd reads by default.
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
        };
        Ok(Box::new(Guarded {
            inner,
            taken,
            given: 0,
            max_ratio: limits.max_ratio,
            ratio_from_bytes: limits.ratio_from_bytes,
        }))
    }
}

struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

struct Guarded<R> {
    inner: R,
    taken: Arc<AtomicU64>,
    given: u64,
    max_ratio: u64,
    ratio_from_bytes: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.given += read as u64;
        let allowed = self.taken.load(Ordering::Relaxed).saturating_mul(self.max_ratio);
        if self.given > self.ratio_from_bytes && self.given > allowed {
            return Err(ParseError::Bomb { ratio: self.max_ratio }.into_read());
        }
        Ok(read)
    }
}
