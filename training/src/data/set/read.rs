//! Reads a set, after checking that every number in it points to something.

use std::ops::Range;
use std::path::Path;

use half::f16;
use half::slice::HalfBitsSliceExt;

use super::{
    EXAMPLES, FORMAT, MANIFEST, NO_SPAN, Role, SEQUENCE_ROW, SEQUENCES, SPAN_ROW, SPANS, SetManifest, TEACHER, TOKENS,
};
use crate::data::error::{Error, Result};
use crate::data::map::Mapped;
use crate::data::output::read_manifest;

/// A set, mapped into memory.
pub struct Set {
    manifest: SetManifest,
    tokens: Mapped<u16>,
    sequences: Mapped<u32>,
    spans: Mapped<u32>,
    examples: Mapped<u32>,
    teacher: Option<Mapped<u16>>,
    teacher_dimension: usize,
    /// First span of each sequence, and the number of spans.
    first_spans: Vec<u32>,
}

/// What the model reads at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence<'a> {
    /// Without `[CLS]` and `[SEP]`.
    pub tokens: &'a [u16],
    /// So many tokens at its start belong to no span.
    pub context: usize,
    /// What it is.
    pub role: Role,
}

/// A passage within a sequence, or a whole query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The sequence.
    pub sequence: u32,
    /// Its tokens within the sequence.
    pub tokens: Range<usize>,
}

/// What belongs to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example<'a> {
    /// The query's span.
    pub query: u32,
    /// The span that answers it.
    pub positive: u32,
    /// Spans that do not; [`NO_SPAN`] in place of those that there are not.
    pub negatives: &'a [u32],
}

impl Set {
    /// Opens the set in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] where a file is missing, [`Error::Damaged`] where one is not as long as the manifest says or a number in it points
    /// to nothing.
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest: SetManifest = read_manifest(&folder.join(MANIFEST))?;
        if manifest.format != FORMAT {
            let reason = format!("it is of format {}, and this reads format {FORMAT}", manifest.format);
            return Err(Error::damaged(folder, reason));
        }
        let rows = |count: u64, width: usize| Some(count.saturating_mul(width as u64));
        let mut set = Self {
            tokens: Mapped::open(&folder.join(TOKENS), Some(manifest.tokens))?,
            sequences: Mapped::open(&folder.join(SEQUENCES), rows(manifest.sequences, SEQUENCE_ROW))?,
            spans: Mapped::open(&folder.join(SPANS), rows(manifest.spans, SPAN_ROW))?,
            examples: Mapped::open(&folder.join(EXAMPLES), rows(manifest.examples, 2 + manifest.k as usize))?,
            teacher: None,
            teacher_dimension: 0,
            first_spans: Vec::with_capacity(manifest.sequences as usize + 1),
            manifest,
        };
        set.check(folder)?;
        Ok(set)
    }

    fn check(&mut self, folder: &Path) -> Result<()> {
        if let Some(at) = (0..self.sequences()).position(|at| self.sequence(at as u32).is_none()) {
            return Err(Error::damaged(&folder.join(SEQUENCES), format!("sequence {at} lies outside of the tokens")));
        }
        let mut free = (0, 0);
        for at in 0..self.spans() as u32 {
            let fits = self.span(at).filter(|span| {
                let Some(sequence) = self.sequence(span.sequence) else { return false };
                let start = if span.sequence == free.0 { free.1.max(sequence.context) } else { sequence.context };
                let whole = sequence.role == Role::Document || span.tokens == (0..sequence.tokens.len());
                let inside = span.tokens.start >= start && span.tokens.end <= sequence.tokens.len();
                span.sequence >= free.0 && inside && whole && !span.tokens.is_empty()
            });
            let Some(span) = fits else {
                return Err(Error::damaged(&folder.join(SPANS), format!("span {at} does not lie within a sequence")));
            };
            while self.first_spans.len() <= span.sequence as usize {
                self.first_spans.push(at);
            }
            free = (span.sequence, span.tokens.end);
        }
        self.first_spans.resize(self.sequences() + 1, self.spans() as u32);
        let is = |span: u32, role: Role| {
            self.span(span).and_then(|span| self.sequence(span.sequence)).is_some_and(|of| of.role == role)
        };
        let sound = |example: Example<'_>| {
            let passage = |&span: &u32| span == NO_SPAN || is(span, Role::Document);
            is(example.query, Role::Query)
                && is(example.positive, Role::Document)
                && example.negatives.iter().all(passage)
        };
        if let Some(at) = (0..self.examples()).position(|at| !self.example(at).is_some_and(sound)) {
            return Err(Error::damaged(&folder.join(EXAMPLES), format!("example {at} names a span that is not there")));
        }
        let teacher = folder.join(TEACHER);
        if teacher.is_file() { self.taught_by(&teacher) } else { Ok(()) }
    }

    /// Takes the teacher's vectors from `file`, in the place of those it has.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] where they are not one row a span.
    pub fn taught_by(&mut self, file: &Path) -> Result<()> {
        let teacher = Mapped::open(file, None)?;
        let numbers = teacher.as_slice().len();
        if self.spans() == 0 || numbers == 0 || !numbers.is_multiple_of(self.spans()) {
            let reason = format!("{numbers} numbers are no vectors for {} spans", self.spans());
            return Err(Error::damaged(file, reason));
        }
        (self.teacher, self.teacher_dimension) = (Some(teacher), numbers / self.spans());
        Ok(())
    }

    /// A hash of the texts and spans of the set, in hexadecimal: what is made of them belongs to no other.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(self.manifest.tokenizer.as_bytes());
        hash.update(self.tokens.bytes());
        hash.update(self.sequences.bytes());
        hash.update(self.spans.bytes());
        hash.finalize().to_hex().get(..16).unwrap_or_default().to_owned()
    }

    /// What the set says of itself.
    #[must_use]
    pub fn manifest(&self) -> &SetManifest {
        &self.manifest
    }

    /// Number of sequences.
    #[must_use]
    pub fn sequences(&self) -> usize {
        self.manifest.sequences as usize
    }

    /// Number of spans.
    #[must_use]
    pub fn spans(&self) -> usize {
        self.manifest.spans as usize
    }

    /// Number of examples.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.manifest.examples as usize
    }

    /// Width of the teacher's vectors; 0 without a teacher.
    #[must_use]
    pub fn teacher_dimension(&self) -> usize {
        self.teacher_dimension
    }

    /// A sequence by its number.
    #[must_use]
    pub fn sequence(&self, number: u32) -> Option<Sequence<'_>> {
        let &[low, high, length, context, role] = row::<SEQUENCE_ROW>(self.sequences.as_slice(), number as usize)?;
        let start = usize::try_from((u64::from(high) << 32) | u64::from(low)).ok()?;
        let tokens = self.tokens.as_slice().get(start..start.checked_add(length as usize)?)?;
        let role = [Role::Query, Role::Document].into_iter().find(|&known| known as u32 == role)?;
        (context < length).then_some(Sequence { tokens, context: context as usize, role })
    }

    /// A span by its number.
    #[must_use]
    pub fn span(&self, number: u32) -> Option<Span> {
        let &[sequence, start, end] = row::<SPAN_ROW>(self.spans.as_slice(), number as usize)?;
        Some(Span { sequence, tokens: start as usize..end as usize })
    }

    /// The spans of a sequence, by their numbers.
    #[must_use]
    pub fn spans_of(&self, sequence: u32) -> Range<u32> {
        let at = |index: usize| self.first_spans.get(index).copied().unwrap_or(self.spans() as u32);
        at(sequence as usize)..at(sequence as usize + 1)
    }

    /// An example, in the order of the file.
    #[must_use]
    pub fn example(&self, index: usize) -> Option<Example<'_>> {
        let width = 2 + self.manifest.k as usize;
        let row = self.examples.as_slice().get(index.checked_mul(width)?..)?.get(..width)?;
        let (&[query, positive], negatives) = row.split_first_chunk::<2>()?;
        Some(Example { query, positive, negatives })
    }

    /// What the teacher made of a span; `None` without a teacher.
    #[must_use]
    pub fn teacher(&self, span: u32) -> Option<&[f16]> {
        let width = self.teacher_dimension;
        let numbers = self.teacher.as_ref()?.as_slice();
        Some(numbers.get(span as usize * width..)?.get(..width)?.reinterpret_cast())
    }
}

/// Row `index` of a table of `WIDTH` columns.
fn row<const WIDTH: usize>(numbers: &[u32], index: usize) -> Option<&[u32; WIDTH]> {
    numbers.get(index.checked_mul(WIDTH)?..)?.first_chunk()
}
