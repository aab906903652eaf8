//! From examples of a set to the sequences a step reads.
//!
//! A window is read once however many examples point into it, and every passage read is a candidate for every query: the other passages
//! of the positive's own document are the hardest negatives there are.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use half::f16;

use super::loss::Links;
use super::texts::Sequence;
use crate::data::{NO_SPAN, Role, Set};
use crate::error::Result;
use crate::pretrain::Specials;

/// The examples of a step, ready for the model.
#[derive(Debug, Default)]
pub struct Assembled {
    /// What is read.
    pub sequences: Vec<Sequence>,
    /// The set's span of each text.
    spans: Vec<u32>,
    queries: Vec<u32>,
    documents: Vec<u32>,
    /// Of each text: whether it is a document, and which of its kind.
    places: Vec<(bool, u32)>,
    asking: Vec<u32>,
    positives: Vec<u32>,
}

/// What surrounds the texts.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Special tokens.
    pub specials: Specials,
    /// Tokens put before every query.
    pub query_prefix: Vec<u32>,
    /// Tokens put before every document.
    pub document_prefix: Vec<u32>,
    /// Longest query, special tokens and prefix included.
    pub query_tokens: usize,
}

impl Assembled {
    /// Gathers `examples` of `set`, with at most `negatives` hard negatives each.
    #[must_use]
    pub fn new(set: &Set, examples: &[u32], negatives: usize, frame: &Frame) -> Self {
        let mut assembled = Self::default();
        // Texts of each sequence of the set that is in already: the first text, and where its spans start in the set.
        let mut seen: HashMap<u32, u32> = HashMap::new();
        let mut candidates: HashMap<u32, u32> = HashMap::new();
        for &example in examples {
            let Some(example) = set.example(example as usize) else { continue };
            let query = assembled.add(set, example.query, frame, &mut seen, &mut candidates);
            let positive = assembled.add(set, example.positive, frame, &mut seen, &mut candidates);
            for &negative in example.negatives.iter().filter(|&&span| span != NO_SPAN).take(negatives) {
                assembled.add(set, negative, frame, &mut seen, &mut candidates);
            }
            let position = candidates.get(&example.positive).copied();
            let asking = query.and_then(|query| assembled.places.get(query as usize)).map(|place| place.1);
            if let (Some(asking), Some(_), Some(position)) = (asking, positive, position) {
                assembled.asking.push(asking);
                assembled.positives.push(position);
            }
        }
        assembled
    }

    /// Adds the sequence of `span` unless it is in; gives the text of the span.
    fn add(
        &mut self,
        set: &Set,
        span: u32,
        frame: &Frame,
        seen: &mut HashMap<u32, u32>,
        candidates: &mut HashMap<u32, u32>,
    ) -> Option<u32> {
        let number = set.span(span)?.sequence;
        let spans = set.spans_of(number);
        if let Some(first) = seen.get(&number) {
            return Some(first + (span - spans.start));
        }
        let sequence = set.sequence(number)?;
        let first = self.spans.len() as u32;
        let is_query = sequence.role == Role::Query;
        let prefix = if is_query { &frame.query_prefix } else { &frame.document_prefix };
        let room = match is_query {
            true => frame.query_tokens.saturating_sub(Specials::AROUND + prefix.len()).max(1),
            false => sequence.tokens.len(),
        };
        let text = sequence.tokens.iter().take(room).map(|&id| u32::from(id));
        let before = prefix.iter().copied();
        let ids: Vec<u32> =
            [frame.specials.cls].into_iter().chain(before).chain(text).chain([frame.specials.sep]).collect();
        let shift = 1 + prefix.len() as u32;
        let ranges = match is_query {
            // As the encoder pools a query: all of it, its special tokens and prompt included.
            true => vec![(0, ids.len() as u32)],
            false => spans
                .clone()
                .filter_map(|span| set.span(span))
                .map(|span| (shift + span.tokens.start as u32, shift + span.tokens.end as u32))
                .collect(),
        };
        for (at, span) in spans.clone().enumerate() {
            let text = first + at as u32;
            if is_query {
                self.places.push((false, self.queries.len() as u32));
                self.queries.push(text);
            } else {
                let place = self.documents.len() as u32;
                candidates.insert(span, place);
                self.places.push((true, place));
                self.documents.push(text);
            }
            self.spans.push(span);
        }
        self.sequences.push(Sequence { ids, spans: ranges });
        seen.insert(number, first);
        Some(first + (span - spans.start))
    }

    /// Pairs in it.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.asking.len()
    }

    /// Vectors there will be.
    #[must_use]
    pub fn texts(&self) -> usize {
        self.spans.len()
    }

    /// Which vectors are what, on the device.
    ///
    /// # Errors
    /// candle's.
    pub fn links(&self, device: &Device) -> Result<Links> {
        let ids = |ids: &[u32]| Tensor::from_slice(ids, ids.len(), device);
        let after = self.documents.len() as u32;
        let row = |&(document, place): &(bool, u32)| if document { place } else { after + place };
        Ok(Links {
            documents: ids(&self.documents)?,
            queries: ids(&self.queries)?,
            inverse: ids(&self.places.iter().map(row).collect::<Vec<_>>())?,
            asking: ids(&self.asking)?,
            positives: ids(&self.positives)?,
        })
    }

    /// The teacher's vectors of the texts, `(texts, d)` in f32 on the device; nothing where the set has no teacher.
    ///
    /// # Errors
    /// candle's.
    pub fn teacher(&self, set: &Set, device: &Device) -> Result<Option<Tensor>> {
        let width = set.teacher_dimension();
        if width == 0 {
            return Ok(None);
        }
        let values: Vec<f16> = self.spans.iter().filter_map(|&span| set.teacher(span)).flatten().copied().collect();
        Ok(Some(Tensor::from_vec(values, (self.spans.len(), width), device)?.to_dtype(DType::F32)?))
    }
}
