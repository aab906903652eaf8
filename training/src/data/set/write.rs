//! Writes a set, and refuses what would break its rules.

use std::ops::Range;
use std::path::Path;

use super::{EXAMPLES, FORMAT, MANIFEST, NO_SPAN, Role, SEQUENCES, SPANS, SetManifest, TOKENS};
use crate::data::error::{Error, Result};
use crate::data::output::{NumberFile, OutputFolder};
use crate::data::vocabulary::Vocabulary;

/// A set being written. Sequences come first, each followed by its spans; examples name spans that are there.
pub struct SetWriter {
    folder: OutputFolder,
    tokens: NumberFile,
    sequences: NumberFile,
    spans: NumberFile,
    examples: NumberFile,
    manifest: SetManifest,
    /// Of the last sequence: where its next span may start, its length, whether it is a query.
    open: (usize, usize, Role),
    /// By span: whether it is a query's.
    queries: Vec<bool>,
}

impl SetWriter {
    /// Begins a set in `folder` whose examples have room for `k` negatives.
    ///
    /// # Errors
    /// [`Error::Exists`] where the folder is there, [`Error::Io`].
    pub fn create(folder: &Path, name: &str, k: u32, vocabulary: &Vocabulary) -> Result<Self> {
        let folder = OutputFolder::create(folder)?;
        Ok(Self {
            tokens: folder.file(TOKENS)?,
            sequences: folder.file(SEQUENCES)?,
            spans: folder.file(SPANS)?,
            examples: folder.file(EXAMPLES)?,
            folder,
            manifest: SetManifest {
                format: FORMAT,
                name: name.to_owned(),
                k,
                tokenizer: vocabulary.fingerprint().to_owned(),
                ..SetManifest::default()
            },
            open: (0, 0, Role::Document),
            queries: Vec::new(),
        })
    }

    /// Adds a query and returns its span.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it has no tokens, [`Error::Io`].
    pub fn query(&mut self, tokens: &[u16]) -> Result<u32> {
        self.sequence(tokens, 0, Role::Query)?;
        self.span(0..tokens.len())
    }

    /// Adds a document's sequence, of which the first `context` tokens belong to no span, and returns its number.
    ///
    /// # Errors
    /// [`Error::Invalid`] where nothing follows the context, [`Error::Io`].
    pub fn document(&mut self, tokens: &[u16], context: usize) -> Result<u32> {
        self.sequence(tokens, context, Role::Document)
    }

    fn sequence(&mut self, tokens: &[u16], context: usize, role: Role) -> Result<u32> {
        if context >= tokens.len() {
            return Err(invalid("sequence", format!("of {} tokens, {context} are context", tokens.len())));
        }
        let number = number(self.manifest.sequences)?;
        let start = self.manifest.tokens;
        let length = u32::try_from(tokens.len()).map_err(|_| invalid("sequence", "it is too long".to_owned()))?;
        self.sequences.u32s(&[start as u32, (start >> 32) as u32, length, context as u32, role as u32])?;
        self.tokens.u16s(tokens)?;
        self.manifest.sequences += 1;
        self.manifest.tokens += u64::from(length);
        self.open = (context, tokens.len(), role);
        Ok(number)
    }

    /// Adds a span of the last sequence and returns its number.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is empty, touches the context or the span before it, or leaves the sequence; [`Error::Io`].
    pub fn span(&mut self, within: Range<usize>) -> Result<u32> {
        let (free, length, role) = self.open;
        if within.start < free || within.end > length || within.is_empty() {
            return Err(invalid("span", format!("{within:?} does not lie in {free}..{length}")));
        }
        let number = number(self.manifest.spans)?;
        let sequence = self.manifest.sequences.saturating_sub(1) as u32;
        self.spans.u32s(&[sequence, within.start as u32, within.end as u32])?;
        self.manifest.spans += 1;
        self.open.0 = within.end;
        self.queries.push(role == Role::Query);
        Ok(number)
    }

    /// Adds an example; of the negatives the first `k` are kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a span is not there or is of the wrong role, [`Error::Io`].
    pub fn example(&mut self, query: u32, positive: u32, negatives: &[u32]) -> Result<()> {
        let is = |span: u32, query: bool| self.queries.get(span as usize) == Some(&query);
        let negatives = negatives.get(..self.manifest.k as usize).unwrap_or(negatives);
        if !is(query, true) || !is(positive, false) || !negatives.iter().all(|&span| is(span, false)) {
            return Err(invalid(
                "example",
                format!("{query} is no query, or one of {positive}, {negatives:?} no passage"),
            ));
        }
        let mut row = vec![query, positive];
        row.extend_from_slice(negatives);
        row.resize(2 + self.manifest.k as usize, NO_SPAN);
        self.examples.u32s(&row)?;
        self.manifest.examples += 1;
        Ok(())
    }

    /// Completes the set.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<SetManifest> {
        self.tokens.close()?;
        self.sequences.close()?;
        self.spans.close()?;
        self.examples.close()?;
        self.folder.finish(MANIFEST, &self.manifest)?;
        Ok(self.manifest)
    }
}

fn number(count: u64) -> Result<u32> {
    u32::try_from(count).ok().filter(|&number| number != NO_SPAN).ok_or_else(|| {
        invalid("set", "it has as many sequences or spans as 32 bits can number; make two sets of it".to_owned())
    })
}

fn invalid(what: &'static str, reason: String) -> Error {
    Error::Invalid { what, reason }
}
