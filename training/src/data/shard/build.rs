//! Tokenises a corpus once, on all cores, into shards.

use std::path::Path;

use rayon::prelude::*;

use super::{DOCUMENTS, FORMAT, MANIFEST, SEGMENTS, ShardManifest, TOKENS};
use crate::data::corpus::Document;
use crate::data::error::Result;
use crate::data::output::{NumberFile, OutputFolder};
use crate::data::segment::{Layout, SegmentKind, segments};
use crate::data::vocabulary::Vocabulary;

/// Text that is tokenised at a time, in bytes: enough for every core, and little memory.
const BATCH: usize = 8 << 20;

/// How a corpus is cut into shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardOptions {
    /// How its documents are laid out.
    pub layout: Layout,
    /// A shard is full when it has this many tokens.
    pub shard_tokens: u64,
    /// Names of what is read, for the manifest.
    pub sources: Vec<String>,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self { layout: Layout::Plain, shard_tokens: 1 << 30, sources: Vec::new() }
    }
}

/// Writes the shards of a corpus as `folder/000`, `001` and so on, and returns their manifests. A document that has a title of its
/// own gets it as its first segment.
///
/// # Errors
/// [`Error::Exists`](crate::data::Error::Exists) where such a folder is there already, the first error among the documents, and those
/// of tokenising and writing; what is then unfinished is removed.
pub fn build_shards<I>(
    documents: I,
    vocabulary: &Vocabulary,
    folder: &Path,
    options: &ShardOptions,
) -> Result<Vec<ShardManifest>>
where
    I: IntoIterator<Item = Result<Document>>,
{
    let mut documents = documents.into_iter().peekable();
    let mut finished = Vec::new();
    let mut shard: Option<Writer> = None;
    while documents.peek().is_some() {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH {
            let Some(document) = documents.next().transpose()? else { break };
            bytes += document.text.len();
            batch.push(document);
        }
        let encoded: Vec<Result<Encoded>> =
            batch.par_iter().map(|document| encode(document, vocabulary, options.layout)).collect();
        for document in encoded {
            let document = document?;
            if shard.as_ref().is_some_and(|shard| shard.manifest.tokens >= options.shard_tokens) {
                finished.extend(shard.take().map(Writer::finish).transpose()?);
            }
            if shard.is_none() {
                shard = Some(Writer::create(&folder.join(format!("{:03}", finished.len())), vocabulary, options)?);
            }
            if let Some(shard) = shard.as_mut() {
                shard.push(&document)?;
            }
        }
    }
    finished.extend(shard.map(Writer::finish).transpose()?);
    Ok(finished)
}

struct Encoded {
    tokens: Vec<u16>,
    /// Token and kind.
    segments: Vec<(u32, SegmentKind)>,
    unknown: u64,
    words: u64,
}

fn encode(document: &Document, vocabulary: &Vocabulary, layout: Layout) -> Result<Encoded> {
    let mut encoded = Encoded { tokens: Vec::new(), segments: Vec::new(), unknown: 0, words: 0 };
    if let Some(title) = &document.title {
        encoded.tokens = vocabulary.encode(title, usize::MAX)?.ids;
        encoded.segments.push((0, SegmentKind::Title));
        encoded.words += title.split_whitespace().count() as u64;
    }
    let before = encoded.tokens.len();
    let text = vocabulary.encode(&document.text, usize::MAX)?;
    encoded.tokens.extend_from_slice(&text.ids);
    encoded.words += document.text.split_whitespace().count() as u64;
    for (byte, kind) in segments(&document.text, layout) {
        let token = before + text.offsets.partition_point(|&(start, end)| (end.max(start + 1) as usize) <= byte);
        // A line of which nothing is left after normalisation begins nothing.
        encoded.segments.pop_if(|last| last.0 as usize == token);
        if token < encoded.tokens.len() {
            encoded.segments.push((token as u32, kind));
        }
    }
    encoded.unknown = encoded.tokens.iter().filter(|&&id| Some(id) == vocabulary.unknown()).count() as u64;
    Ok(encoded)
}

struct Writer {
    folder: OutputFolder,
    tokens: NumberFile,
    documents: NumberFile,
    segments: NumberFile,
    manifest: ShardManifest,
}

impl Writer {
    fn create(path: &Path, vocabulary: &Vocabulary, options: &ShardOptions) -> Result<Self> {
        let folder = OutputFolder::create(path)?;
        let manifest = ShardManifest {
            format: FORMAT,
            tokenizer: vocabulary.fingerprint().to_owned(),
            vocab_size: vocabulary.size() as u64,
            sources: options.sources.clone(),
            ..ShardManifest::default()
        };
        let (tokens, documents) = (folder.file(TOKENS)?, folder.file(DOCUMENTS)?);
        Ok(Self { tokens, documents, segments: folder.file(SEGMENTS)?, folder, manifest })
    }

    fn push(&mut self, document: &Encoded) -> Result<()> {
        if document.tokens.is_empty() {
            return Ok(());
        }
        self.documents.u64s(&[self.manifest.tokens, self.manifest.segments])?;
        self.tokens.u16s(&document.tokens)?;
        document.segments.iter().try_for_each(|&(token, kind)| self.segments.u32s(&[token, kind as u32]))?;
        self.manifest.documents += 1;
        self.manifest.tokens += document.tokens.len() as u64;
        self.manifest.segments += document.segments.len() as u64;
        self.manifest.unknown += document.unknown;
        self.manifest.words += document.words;
        Ok(())
    }

    fn finish(mut self) -> Result<ShardManifest> {
        self.documents.u64s(&[self.manifest.tokens, self.manifest.segments])?;
        self.tokens.close()?;
        self.documents.close()?;
        self.segments.close()?;
        self.folder.finish(MANIFEST, &self.manifest)?;
        Ok(self.manifest)
    }
}
