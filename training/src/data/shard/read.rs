//! Reads shards: any document in constant time, nothing copied.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{DOCUMENTS, FORMAT, MANIFEST, SEGMENTS, ShardManifest, TOKENS};
use crate::data::error::{Error, Result};
use crate::data::map::Mapped;
use crate::data::output::read_manifest;
use crate::data::segment::SegmentKind;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Its tokens within the document.
    pub tokens: Range<usize>,
}

/// A document of a shard.
#[derive(Clone, Copy)]
pub struct ShardDocument<'a> {
    /// Its tokens, without special tokens.
    pub tokens: &'a [u16],
    /// Rows of first token and kind.
    rows: &'a [u32],
}

impl<'a> ShardDocument<'a> {
    /// Its parts, in order; together they are the document, from the first part on.
    pub fn segments(self) -> impl Iterator<Item = Segment> + 'a {
        let length = self.tokens.len();
        let starts = move |row: &[u32]| (row.first().copied().unwrap_or(0) as usize).min(length);
        (0..self.rows.len() / 2).filter_map(move |at| {
            let row = self.rows.get(2 * at..2 * at + 2)?;
            let end = self.rows.get(2 * at + 2..).filter(|rest| !rest.is_empty()).map_or(length, starts);
            Some(Segment { kind: SegmentKind::from_number(*row.get(1)?)?, tokens: starts(row)..end.max(starts(row)) })
        })
    }
}

/// The shards in a folder and the folders below it, as one list of documents.
pub struct Shards {
    shards: Vec<Shard>,
    /// Documents before each shard, and in all.
    before: Vec<usize>,
}

struct Shard {
    tokens: Mapped<u16>,
    documents: Mapped<u64>,
    segments: Mapped<u32>,
    manifest: ShardManifest,
}

impl Shards {
    /// Opens all shards in `folder`, in the order of their paths.
    ///
    /// # Errors
    /// [`Error::Empty`] where there are none, [`Error::Damaged`] where a file is not as long as its manifest says, its offsets do not
    /// rise, or the shards were made with different tokenizers.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        find(folder, &mut paths)?;
        let shards = paths.iter().map(|path| Shard::open(path)).collect::<Result<Vec<_>>>()?;
        let Some(first) = shards.first() else {
            return Err(Error::Empty { path: folder.to_owned() });
        };
        let same = |shard: &Shard| shard.manifest.tokenizer == first.manifest.tokenizer;
        if let Some(at) = shards.iter().position(|shard| !same(shard)) {
            let path = paths.get(at).map_or(folder, PathBuf::as_path);
            return Err(Error::damaged(path, "it was made with another tokenizer than its neighbours"));
        }
        let mut before = vec![0];
        for shard in &shards {
            before.push(before.last().copied().unwrap_or(0) + shard.manifest.documents as usize);
        }
        Ok(Self { shards, before })
    }

    /// Number of documents.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.before.last().copied().unwrap_or(0)
    }

    /// Number of tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.shards.iter().map(|shard| shard.manifest.tokens).sum()
    }

    /// What the shards say of themselves.
    pub fn manifests(&self) -> impl Iterator<Item = &ShardManifest> {
        self.shards.iter().map(|shard| &shard.manifest)
    }

    /// Document `index`, counted over all shards.
    #[must_use]
    pub fn document(&self, index: usize) -> Option<ShardDocument<'_>> {
        let at = self.before.partition_point(|&before| before <= index).checked_sub(1)?;
        self.shards.get(at)?.document(index - self.before.get(at)?)
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self> {
        let manifest: ShardManifest = read_manifest(&path.join(MANIFEST))?;
        if manifest.format != FORMAT {
            let reason = format!("it is of format {}, and this reads format {FORMAT}", manifest.format);
            return Err(Error::damaged(path, reason));
        }
        let rows = |count: u64| Some(count.saturating_mul(2));
        let shard = Self {
            tokens: Mapped::open(&path.join(TOKENS), Some(manifest.tokens))?,
            documents: Mapped::open(&path.join(DOCUMENTS), rows(manifest.documents.saturating_add(1)))?,
            segments: Mapped::open(&path.join(SEGMENTS), rows(manifest.segments))?,
            manifest,
        };
        let starts = shard.documents.as_slice();
        let rises = starts.windows(4).step_by(2).all(|rows| matches!(rows, [a, b, c, d] if a <= c && b <= d));
        if !rises || !starts.ends_with(&[shard.manifest.tokens, shard.manifest.segments]) {
            return Err(Error::damaged(&path.join(DOCUMENTS), "its offsets do not rise to the end of the tokens"));
        }
        Ok(shard)
    }

    fn document(&self, index: usize) -> Option<ShardDocument<'_>> {
        let row = self.documents.as_slice().get(2 * index..2 * index + 4)?;
        let [token, segment, next_token, next_segment] = row else { return None };
        Some(ShardDocument {
            tokens: self.tokens.as_slice().get(*token as usize..*next_token as usize)?,
            rows: self.segments.as_slice().get(2 * *segment as usize..2 * *next_segment as usize)?,
        })
    }
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join(MANIFEST).is_file() {
        found.push(folder.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(Error::io(folder))?;
    paths.sort();
    // An unfinished shard has its manifest only at its very end, and may have died just then.
    let partial = |path: &Path| path.to_string_lossy().contains(".partial-");
    paths.iter().filter(|path| path.is_dir() && !partial(path)).try_for_each(|path| find(path, found))
}
