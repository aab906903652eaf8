//! A set made from pairs: a query, the text that answers it, and perhaps texts that do not.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::corpus::first_texts;
use super::error::Result;
use super::passage::{PassageLength, passages};
use super::records::{Record, Records, Report};
use super::set::{SetManifest, SetWriter};
use super::vocabulary::Vocabulary;

/// Records that are tokenised at a time.
const BATCH: usize = 4096;

/// Where a record keeps a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFields {
    /// What is asked: the first of these that a record has.
    pub query: Vec<String>,
    /// What answers it.
    pub positive: Vec<String>,
    /// What does not: a text or a list.
    pub negatives: Vec<String>,
}

impl Default for PairFields {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            query: names(&["query", "anchor"]),
            positive: names(&["positive"]),
            negatives: names(&["negatives", "negative"]),
        }
    }
}

/// How texts become sequences and spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairOptions {
    /// Where records keep their texts.
    pub fields: PairFields,
    /// Tokens of a query or a text that are kept.
    pub longest: usize,
    /// A text of at most this many tokens is one span.
    pub whole: usize,
    /// How a longer one is cut.
    pub passage: PassageLength,
    /// Negatives that are kept.
    pub negatives: u32,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            fields: PairFields::default(),
            longest: 510,
            whole: 256,
            passage: PassageLength { least: 60, most: 200 },
            negatives: 1,
        }
    }
}

/// Makes the set `name` in `folder` from files of pairs. A text that occurs again is the same sequence, so that a batch can tell that
/// it is no negative. Where a text is cut, the answer is the span that shares most tokens with the query, the first of these.
///
/// # Errors
/// Those of [`Records`] and [`SetWriter`]. A record without query or positive is counted in the report.
pub fn build_pairs(
    mut records: Records,
    vocabulary: &Vocabulary,
    folder: &Path,
    name: &str,
    options: &PairOptions,
) -> Result<(SetManifest, Report)> {
    let mut writer = SetWriter::create(folder, name, options.negatives, vocabulary)?;
    let mut seen = HashMap::new();
    loop {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some((line, mut record)) = records.next().transpose()? else { break };
            match Texts::of(&mut record, options) {
                Some(texts) => batch.push(texts),
                None => records.refuse(line, "it has no query or no positive"),
            }
        }
        if batch.is_empty() {
            break;
        }
        let encoded: Vec<Result<Pair>> = batch.par_iter().map(|texts| texts.encode(vocabulary, options)).collect();
        for pair in encoded {
            write(&pair?, &mut writer, &mut seen, vocabulary, options)?;
        }
    }
    Ok((writer.finish()?, records.report().clone()))
}

struct Texts {
    query: String,
    positive: String,
    negatives: Vec<String>,
}

/// Tokens of a query, its positive, and its negatives.
struct Pair {
    query: Vec<u16>,
    passages: Vec<Vec<u16>>,
}

impl Texts {
    fn of(record: &mut Record, options: &PairOptions) -> Option<Self> {
        let mut texts = |names: &[String]| first_texts(record, names).into_iter();
        let query = texts(&options.fields.query).next()?;
        let positive = texts(&options.fields.positive).next()?;
        Some(Self {
            query,
            positive,
            negatives: texts(&options.fields.negatives).take(options.negatives as usize).collect(),
        })
    }

    fn encode(&self, vocabulary: &Vocabulary, options: &PairOptions) -> Result<Pair> {
        let encode = |text: &String| Ok(vocabulary.encode(text, options.longest)?.ids);
        let passages = std::iter::once(&self.positive).chain(&self.negatives).map(encode).collect::<Result<_>>()?;
        Ok(Pair { query: encode(&self.query)?, passages })
    }
}

/// The spans of a text that has been written: their numbers, and their tokens within it.
type Written = Vec<(u32, Range<usize>)>;

fn write(
    pair: &Pair,
    writer: &mut SetWriter,
    seen: &mut HashMap<[u8; 32], Written>,
    vocabulary: &Vocabulary,
    options: &PairOptions,
) -> Result<()> {
    // Nothing is left of a text of control characters.
    if pair.query.is_empty() || pair.passages.first().is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let mut best = Vec::new();
    for tokens in pair.passages.iter().filter(|tokens| !tokens.is_empty()) {
        let bytes: Vec<u8> = tokens.iter().flat_map(|id| id.to_le_bytes()).collect();
        let key = *blake3::hash(&bytes).as_bytes();
        let spans = match seen.entry(key) {
            Entry::Occupied(written) => written.into_mut(),
            Entry::Vacant(place) => place.insert(document(tokens, writer, vocabulary, options)?),
        };
        best.extend(nearest(&pair.query, tokens, spans));
    }
    let query = writer.query(&pair.query)?;
    let Some((&positive, negatives)) = best.split_first() else { return Ok(()) };
    let negatives: Vec<u32> = negatives.iter().copied().filter(|&span| span != positive).collect();
    writer.example(query, positive, &negatives)
}

fn document(tokens: &[u16], writer: &mut SetWriter, vocabulary: &Vocabulary, options: &PairOptions) -> Result<Written> {
    let whole = 0..tokens.len();
    let ranges = if tokens.len() <= options.whole {
        vec![whole]
    } else {
        passages(tokens, &[whole], options.passage, vocabulary)
    };
    writer.document(tokens, 0)?;
    ranges.into_iter().map(|range| Ok((writer.span(range.clone())?, range))).collect()
}

/// The span that shares most tokens with the query, the first of these.
fn nearest(query: &[u16], tokens: &[u16], spans: &[(u32, Range<usize>)]) -> Option<u32> {
    let wanted: HashSet<u16> = query.iter().copied().collect();
    let shared = |range: &Range<usize>| {
        let held: HashSet<&u16> = tokens.get(range.clone()).unwrap_or_default().iter().collect();
        held.into_iter().filter(|id| wanted.contains(id)).count()
    };
    spans.iter().rev().max_by_key(|(_, range)| shared(range)).map(|&(span, _)| span)
}
