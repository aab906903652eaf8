//! A set made from a corpus alone: windows of documents whose passages are pooled one by one, and queries found in the text.
//!
//! Passages follow each other in a window as in the document. The window opens with the document's title and the heading of the
//! section it starts in; a heading further on stands before its section's first passage and belongs to none. Five kinds of queries
//! come from the text: title and heading ask for a section's first passage, the title for the document's, a heading by itself for its
//! section, a sentence for the passage it is from (inverse cloze, Lee et al. 2019), and a phrase for the passage it is from.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::error::{Error, Result};
use super::passage::{PassageLength, passages, sentences};
use super::segment::SegmentKind;
use super::set::{SetManifest, SetWriter};
use super::shard::{ShardDocument, Shards};
use super::vocabulary::Vocabulary;
use crate::random::Random;

/// Documents that are cut at a time.
const BATCH: usize = 512;
/// A cloze query has this many tokens.
const CLOZE: std::ops::RangeInclusive<usize> = 8..=64;
/// A phrase has this many tokens before its last word is completed.
const PHRASE: std::ops::RangeInclusive<usize> = 3..=12;
/// A shorter passage answers nothing and is no negative.
const SHORTEST_ANSWER: usize = 12;

/// What windows and queries are made.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowOptions {
    /// Tokens of a window, with its context and without `[CLS]` and `[SEP]`.
    pub window: usize,
    /// How long passages are.
    pub passage: PassageLength,
    /// Tokens of the title, and of the heading, that a window repeats at most.
    pub context: usize,
    /// Share of the documents that are used.
    pub share: f64,
    /// Probability that a passage gives a cloze query.
    pub cloze: f64,
    /// Probability that a passage gives a phrase.
    pub phrase: f64,
    /// Probability that a section's heading asks for it by itself; a heading of one or two tokens never does.
    pub heading: f64,
    /// Probability that a query is put as a question.
    pub question: f64,
    /// Decides everything that is random.
    pub seed: u64,
}

impl Default for WindowOptions {
    fn default() -> Self {
        Self {
            window: 254,
            passage: PassageLength::default(),
            context: 20,
            share: 1.0,
            cloze: 0.5,
            phrase: 0.25,
            heading: 0.2,
            question: 0.4,
            seed: 1,
        }
    }
}

/// Makes the set `name` in `folder` from shards.
///
/// # Errors
/// [`Error::Invalid`] where a window has no room for a passage, or the shards are of another tokenizer; those of [`SetWriter`].
pub fn build_windows(
    shards: &Shards,
    vocabulary: &Vocabulary,
    folder: &Path,
    name: &str,
    options: &WindowOptions,
) -> Result<SetManifest> {
    let room = options.window.saturating_sub(2 * options.context);
    if room == 0 || options.passage.most == 0 {
        let reason = format!("{} tokens leave no room for a passage beside the context", options.window);
        return Err(Error::Invalid { what: "window", reason });
    }
    if let Some(other) = shards.manifests().find(|shard| shard.tokenizer != vocabulary.fingerprint()) {
        let reason = format!("they were made with tokenizer {}, not {}", other.tokenizer, vocabulary.fingerprint());
        return Err(Error::Invalid { what: "shards", reason });
    }
    let most = options.passage.most.min(room);
    let length = PassageLength { least: options.passage.least.min(most), most };
    let questions = Questions::new(vocabulary)?;
    let mut writer = SetWriter::create(folder, name, 1, vocabulary)?;
    for start in (0..shards.documents()).step_by(BATCH) {
        let planned: Vec<Plan> = (start..shards.documents().min(start + BATCH))
            .into_par_iter()
            .filter_map(|index| {
                let mut random = Random::keyed(options.seed, &[index as u64]);
                let document = random.chance(options.share).then(|| shards.document(index)).flatten()?;
                Some(plan(document, vocabulary, &questions, length, options, &mut random))
            })
            .collect();
        planned.iter().try_for_each(|plan| plan.write(&mut writer))?;
    }
    writer.finish()
}

/// How questions begin. Any of them may meet any heading: what a question is about matters more than its grammar.
const OPENINGS: [&str; 16] = [
    "what is",
    "what are",
    "what was",
    "what is known about",
    "what does it say about",
    "who was",
    "how does",
    "how did",
    "how do you",
    "where is",
    "when was",
    "why",
    "tell me about",
    "explain",
    "which",
    "is there",
];

/// Headings and phrases as questions.
struct Questions {
    openings: Vec<Vec<u16>>,
    of: Vec<u16>,
    mark: Vec<u16>,
}

impl Questions {
    fn new(vocabulary: &Vocabulary) -> Result<Self> {
        let ids = |text: &str| -> Result<Vec<u16>> { Ok(vocabulary.encode(text, usize::MAX)?.ids) };
        Ok(Self { openings: OPENINGS.into_iter().map(ids).collect::<Result<_>>()?, of: ids("of")?, mark: ids("?")? })
    }

    /// A question about `what`, of `whole` where that says something too.
    fn put(&self, what: &[u16], whole: &[u16], random: &mut Random) -> Vec<u16> {
        let opening = self.openings.get(random.below(self.openings.len())).map_or(&[][..], Vec::as_slice);
        let of = if what.is_empty() || whole.is_empty() { &[][..] } else { &self.of };
        [opening, what, of, whole, &self.mark].concat()
    }
}

/// What becomes of one document.
#[derive(Default)]
struct Plan {
    windows: Vec<Window>,
    /// Query, and the passages that answer it and do not, counted over the document.
    examples: Vec<(Vec<u16>, usize, Option<usize>)>,
}

#[derive(Default)]
struct Window {
    tokens: Vec<u16>,
    context: usize,
    spans: Vec<Range<usize>>,
}

impl Plan {
    fn write(&self, writer: &mut SetWriter) -> Result<()> {
        let mut spans = Vec::new();
        for window in &self.windows {
            writer.document(&window.tokens, window.context)?;
            for span in &window.spans {
                spans.push(writer.span(span.clone())?);
            }
        }
        let number = |passage: usize| spans.get(passage).copied();
        for (query, positive, negative) in &self.examples {
            let Some(positive) = number(*positive) else { continue };
            let query = writer.query(query)?;
            let negative = negative.and_then(number);
            writer.example(query, positive, negative.as_slice())?;
        }
        Ok(())
    }
}

/// A section of a document: its heading and paragraphs, in tokens of the document.
#[derive(Default)]
struct Section {
    heading: Range<usize>,
    paragraphs: Vec<Range<usize>>,
}

/// A passage, and the section it is of.
struct Passage {
    tokens: Range<usize>,
    section: usize,
}

fn plan(
    document: ShardDocument<'_>,
    vocabulary: &Vocabulary,
    questions: &Questions,
    length: PassageLength,
    options: &WindowOptions,
    random: &mut Random,
) -> Plan {
    let (title, sections) = layout(document);
    let mut found = Vec::new();
    for (number, section) in sections.iter().enumerate() {
        let ranges = passages(document.tokens, &section.paragraphs, length, vocabulary);
        found.extend(ranges.into_iter().map(|tokens| Passage { tokens, section: number }));
    }
    let text = Text { tokens: document.tokens, title, sections, passages: found };
    Plan { windows: text.windows(options), examples: text.examples(vocabulary, questions, options, random) }
}

fn layout(document: ShardDocument<'_>) -> (Range<usize>, Vec<Section>) {
    let mut title = 0..0;
    let mut sections = vec![Section::default()];
    for segment in document.segments() {
        match (segment.kind, sections.last_mut()) {
            (SegmentKind::Title, _) => title = segment.tokens,
            (SegmentKind::Paragraph, Some(section)) => section.paragraphs.push(segment.tokens),
            (SegmentKind::Paragraph | SegmentKind::Heading, _) => {
                sections.push(Section { heading: segment.tokens, paragraphs: Vec::new() });
            }
        }
    }
    (title, sections)
}

struct Text<'a> {
    tokens: &'a [u16],
    title: Range<usize>,
    sections: Vec<Section>,
    passages: Vec<Passage>,
}

impl Text<'_> {
    fn of(&self, range: &Range<usize>) -> &[u16] {
        self.tokens.get(range.clone()).unwrap_or_default()
    }

    fn heading(&self, section: usize) -> &[u16] {
        self.sections.get(section).map_or(&[], |section| self.of(&section.heading))
    }

    /// Whether a passage is its section's first.
    fn opens(&self, at: usize) -> bool {
        let section = |at: usize| self.passages.get(at).map(|passage| passage.section);
        at.checked_sub(1).and_then(section) != section(at)
    }

    fn windows(&self, options: &WindowOptions) -> Vec<Window> {
        let head = |tokens: &[u16]| tokens.get(..options.context).unwrap_or(tokens).to_vec();
        let mut windows: Vec<Window> = Vec::new();
        for (at, passage) in self.passages.iter().enumerate() {
            let heading = self.heading(passage.section);
            let between = if self.opens(at) { heading } else { &[] };
            let fits = |window: &Window| window.tokens.len() + between.len() + passage.tokens.len() <= options.window;
            let window = match windows.pop_if(|window| fits(window)) {
                Some(mut window) => {
                    window.tokens.extend_from_slice(between);
                    window
                }
                None => {
                    let tokens = [head(self.of(&self.title)), head(heading)].concat();
                    Window { context: tokens.len(), tokens, spans: Vec::new() }
                }
            };
            let mut window = window;
            let start = window.tokens.len();
            window.tokens.extend_from_slice(self.of(&passage.tokens));
            window.spans.push(start..window.tokens.len());
            windows.push(window);
        }
        windows
    }

    fn examples(
        &self,
        vocabulary: &Vocabulary,
        questions: &Questions,
        options: &WindowOptions,
        random: &mut Random,
    ) -> Vec<(Vec<u16>, usize, Option<usize>)> {
        let mut examples = Vec::new();
        let title = self.of(&self.title);
        for (at, passage) in self.passages.iter().enumerate() {
            if passage.tokens.len() < SHORTEST_ANSWER {
                continue;
            }
            let heading = self.heading(passage.section);
            if self.opens(at) && !title.is_empty() {
                let query = match random.chance(options.question) {
                    true => questions.put(heading, title, random),
                    false => [title, heading].concat(),
                };
                examples.push((query, at, self.elsewhere(at, random)));
            }
            if self.opens(at) && heading.len() > 2 && random.chance(options.heading) {
                examples.push((heading.to_vec(), at, self.elsewhere(at, random)));
            }
            if random.chance(options.cloze) {
                let query = self.cloze(passage, vocabulary, random);
                examples.extend(query.map(|query| (query, at, self.other(at, random))));
            }
            if random.chance(options.phrase) {
                let query = self.phrase(passage, vocabulary, random);
                let asks = random.chance(options.question);
                let query = query.map(|phrase| if asks { questions.put(&phrase, &[], random) } else { phrase });
                examples.extend(query.map(|query| (query, at, self.other(at, random))));
            }
        }
        examples
    }

    /// A passage of another section.
    fn elsewhere(&self, at: usize, random: &mut Random) -> Option<usize> {
        let section = self.passages.get(at)?.section;
        let others = self
            .passages
            .iter()
            .enumerate()
            .filter(|(_, other)| other.section != section && other.tokens.len() >= SHORTEST_ANSWER);
        let others: Vec<usize> = others.map(|(other, _)| other).collect();
        others.get(random.below(others.len())).copied()
    }

    /// Another passage.
    fn other(&self, at: usize, random: &mut Random) -> Option<usize> {
        let other = random.below(self.passages.len().checked_sub(1)?);
        let other = if other >= at { other + 1 } else { other };
        self.passages.get(other).filter(|other| other.tokens.len() >= SHORTEST_ANSWER).map(|_| other)
    }

    /// A sentence of a passage, not its first where there are enough: a first sentence is mostly a heading in other words.
    fn cloze(&self, passage: &Passage, vocabulary: &Vocabulary, random: &mut Random) -> Option<Vec<u16>> {
        let all = sentences(self.tokens, passage.tokens.clone(), vocabulary);
        let first = usize::from(all.len() > 2);
        let fit: Vec<_> = all.into_iter().skip(first).filter(|sentence| CLOZE.contains(&sentence.len())).collect();
        let chosen = fit.get(random.below(fit.len()))?;
        (chosen.len() < passage.tokens.len()).then(|| self.of(chosen).to_vec())
    }

    /// Some whole words of a passage.
    fn phrase(&self, passage: &Passage, vocabulary: &Vocabulary, random: &mut Random) -> Option<Vec<u16>> {
        let tokens = self.of(&passage.tokens);
        let wanted = PHRASE.start() + random.below(PHRASE.end() - PHRASE.start() + 1);
        let begins = |at: &usize| tokens.get(*at).is_none_or(|&id| !vocabulary.continues_word(id));
        let from = random.below(tokens.len().checked_sub(wanted)?);
        let start = (from..tokens.len()).find(begins)?;
        let end = (start + wanted..=tokens.len()).find(begins)?;
        (end - start <= 2 * PHRASE.end()).then(|| tokens.get(start..end).unwrap_or_default().to_vec())
    }
}
