//! The loop of contrastive tuning: one set a step, held-out pairs, checkpoints.

use super::assemble::{Assembled, Frame};
use super::loss::{Objective, Outcome};
use super::share::Share;
use super::teacher;
use super::texts::Texts;
use crate::checkpoint::Export;
use crate::data::Set;
use crate::distributed::{Member, launch};
use crate::error::{Error, Result};
use crate::flops::Work;
use crate::prepare::{self, Words};
use crate::pretrain::{Cursor, number};
use crate::progress::Observer;
use crate::random::Random;
use crate::recipe::{ContrastiveConfig, Recipe};
use crate::run::{Phase, RunOptions, Summary};
use crate::session::{Session, Step};

/// Pieces a batch goes through the model in, about: like lengths stay together.
const PIECES: usize = 4;

/// Tunes the model on the recipe's sets.
///
/// # Errors
/// Those of preparing data, [`Error::Diverged`], those of checkpoints, and candle's.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &mut dyn Observer) -> Result<Summary> {
    let config = recipe.contrastive()?;
    let words = prepare::words(recipe, options, observer)?;
    let mut sets = Vec::new();
    for set in &config.sets {
        sets.push(prepare::pairs(set, &words, recipe, options, observer)?);
    }
    teacher::teach(&mut sets, recipe, &words, options, observer)?;
    if options.prepare_only {
        return Ok(Summary { total_steps: config.steps, ..Summary::default() });
    }
    launch(options, observer, |member| train(recipe, options, &words, &sets, member))
}

/// The loop, on one rank.
fn train(recipe: &Recipe, options: &RunOptions, words: &Words, sets: &[Set], member: Member<'_>) -> Result<Summary> {
    let config = recipe.contrastive()?;
    let mut tuning = Tuning::new(recipe, config, sets, words)?;
    let (mut session, cursor) = Session::open(recipe, options, member, Phase::Contrastive, config.steps)?;
    if let Some(cursor) = cursor {
        tuning.restore(&serde_json::from_value::<Vec<Cursor>>(cursor).unwrap_or_default());
    }
    for set in &tuning.sets {
        let manifest = set.set.manifest();
        let taught = if set.set.teacher_dimension() > 0 { ", with a teacher" } else { "" };
        session.observer.note(&format!("{}: {} pairs{taught}", manifest.name, set.order.len()));
    }
    while session.goes_on() {
        let step = tuning.step(&session)?;
        session.update(&step)?;
        if session.due(recipe.run.eval_every_steps) {
            let (loss, accuracy) = tuning.evaluate(&mut session)?;
            session.heldout(0, loss, accuracy)?;
        }
        if session.due(recipe.run.checkpoint_every_steps) || !session.goes_on() {
            let cursors = serde_json::json!(tuning.sets.iter().map(|set| set.cursor).collect::<Vec<_>>());
            session.save(0, cursors)?;
        }
    }
    let model = recipe.model.to_neobert();
    let export = Export {
        variant: recipe.model.variant(),
        query_prefix: &config.query_prefix,
        document_prefix: &config.document_prefix,
        matryoshka: &config.matryoshka,
        ..Export::new(&model, &words.json)
    };
    session.finish(&export)
}

/// A set and how far it has been read.
struct Source<'a> {
    set: &'a Set,
    number: u64,
    batch: usize,
    /// Examples that are trained on, in the order of this epoch.
    order: Vec<u32>,
    held_out: Vec<u32>,
    cursor: Cursor,
}

/// What the loop knows besides the model.
struct Tuning<'a> {
    config: &'a ContrastiveConfig,
    seed: u64,
    sets: Vec<Source<'a>>,
    chances: Vec<f64>,
    frame: Frame,
    objective: Objective,
}

/// A batch gone through the model.
struct Run {
    outcome: Outcome,
    work: Work,
}

#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Train,
    Look,
}

impl<'a> Tuning<'a> {
    fn new(recipe: &Recipe, config: &'a ContrastiveConfig, sets: &'a [Set], words: &Words) -> Result<Self> {
        let seed = recipe.run.seed;
        let hidden = recipe.model.hidden_size;
        let mut widths = config.matryoshka.clone();
        if widths.first() != Some(&hidden) {
            widths.insert(0, hidden);
        }
        let mut sources = Vec::new();
        for (number, (set, wanted)) in sets.iter().zip(&config.sets).enumerate() {
            let mut all: Vec<u32> = (0..set.examples() as u32).collect();
            Random::keyed(seed, &[number as u64, 5]).shuffle(&mut all);
            let held_out = all.split_off(all.len() - recipe.run.heldout_documents.min(all.len() / 10));
            let teacher = set.teacher_dimension();
            if teacher > 0 && teacher < hidden && config.distill_weight > 0.0 {
                let reason = format!(
                    "has vectors of {teacher} dimensions; the model's have {hidden}, and only scores can be learned from fewer: set \
                     contrastive.distill_weight to 0 and use contrastive.score_distill_weight"
                );
                return Err(Error::config("contrastive.teacher", reason));
            }
            let batch = wanted.batch.unwrap_or(config.batch);
            if all.len() < batch {
                let reason =
                    format!("is {batch}; the set `{}` has {} pairs to train on", set.manifest().name, all.len());
                return Err(Error::config(format!("contrastive.sets.{number}.batch"), reason));
            }
            let mut source =
                Source { set, number: number as u64, batch, order: all, held_out, cursor: Cursor::default() };
            source.shuffle(seed);
            sources.push(source);
        }
        let sizes: Vec<usize> = sources.iter().map(|source| source.order.len()).collect();
        let prefix = |text: &str| -> Result<Vec<u32>> {
            let ids = words.vocabulary.encode(text, usize::MAX)?.ids;
            Ok(ids.into_iter().map(u32::from).collect())
        };
        let frame = Frame {
            specials: words.specials,
            query_prefix: prefix(&config.query_prefix)?,
            document_prefix: prefix(&config.document_prefix)?,
            query_tokens: config.query_tokens,
        };
        let objective = Objective {
            temperature: config.temperature,
            widths,
            infonce: config.infonce_weight,
            distill: config.distill_weight,
            score_distill: config.score_distill_weight,
            distill_temperature: config.distill_temperature,
            filter_margin: config.filter_margin,
        };
        Ok(Self { config, seed, chances: config.chances(&sizes), sets: sources, frame, objective })
    }

    fn restore(&mut self, cursors: &[Cursor]) {
        for (source, cursor) in self.sets.iter_mut().zip(cursors) {
            // The order of an epoch is that of the one before, shuffled again.
            for epoch in 1..=cursor.epoch {
                source.cursor.epoch = epoch;
                source.shuffle(self.seed);
            }
            source.cursor = *cursor;
        }
    }

    fn step(&mut self, session: &Session<'_, '_>) -> Result<Step> {
        let drawn = Random::keyed(self.seed, &[session.step, 6]).choose(&self.chances);
        let lr = self.config.learning_rate(session.step);
        let Some(source) = self.sets.get_mut(drawn) else {
            return Err(Error::config("contrastive.sets", "is empty"));
        };
        let examples = source.next(self.seed);
        let set = source.set;
        let run = self.run(session, set, &examples, Pass::Train)?;
        // Every rank has seen the loss of the whole batch.
        let loss = (run.outcome.loss / session.group.world_size() as f64)?;
        Ok(Step { stage: 0, lr, loss, work: run.work })
    }

    /// Loss and accuracy on the held-out pairs of all sets, each set a batch.
    fn evaluate(&self, session: &mut Session<'_, '_>) -> Result<(f64, f64)> {
        let (mut loss, mut accuracy, mut batches) = (0.0, 0.0, 0.0);
        for source in self.sets.iter().filter(|source| source.held_out.len() > 1) {
            let examples = source.held_out.get(..source.batch).unwrap_or(&source.held_out);
            let run = self.run(session, source.set, examples, Pass::Look)?;
            loss += number(&run.outcome.loss)?;
            accuracy += number(&run.outcome.accuracy)?;
            batches += 1.0;
            let cosine = run.outcome.cosine.as_ref().map(number).transpose()?;
            let cosine = cosine.map(|cosine| format!(", cosine to the teacher {cosine:.4}")).unwrap_or_default();
            let infonce = number(&run.outcome.infonce)?;
            let right = number(&run.outcome.accuracy)?;
            let name = &source.set.manifest().name;
            session.observer.note(&format!("{name}: InfoNCE {infonce:.4}, first {right:.4}{cosine}"));
        }
        Ok((loss / f64::max(batches, 1.0), accuracy / f64::max(batches, 1.0)))
    }

    /// The loss of `examples` and, in training, the gradients of what this rank reads of them. Every rank knows the whole batch and reads
    /// its share of the texts; the vectors of all are candidates for every query.
    fn run(&self, session: &Session<'_, '_>, set: &Set, examples: &[u32], pass: Pass) -> Result<Run> {
        let model = &session.model;
        let device = model.device();
        let assembled = Assembled::new(set, examples, self.config.hard_negatives, &self.frame);
        let links = assembled.links(device)?;
        let teacher = assembled.teacher(set, device)?;
        let share = Share::new(&assembled.sequences, session.group, device)?;
        let piece = self.config.micro_batch_tokens.div_ceil(PIECES);
        let texts = Texts::new(&share.sequences, piece, self.frame.specials.pad, device)?;
        let train = pass == Pass::Train;
        let remember = train && texts.padded_tokens() <= self.config.micro_batch_tokens;
        let encoded = texts.encode(model, remember)?;
        let vectors = share.gather(&encoded.vectors, session.group)?;
        let outcome = self.objective.run(&vectors, &links, teacher.as_ref())?;
        if train {
            texts.backward(model, encoded, &share.own(&outcome.gradient)?, session.keep())?;
        }
        let work = Work::of(share.sequences.iter().map(|sequence| sequence.ids.len()), 0);
        Ok(Run { outcome, work })
    }
}

impl Source<'_> {
    fn shuffle(&mut self, seed: u64) {
        Random::keyed(seed, &[self.number, self.cursor.epoch, 4]).shuffle(&mut self.order);
    }

    /// The next batch; an epoch's last examples that do not fill one are left out.
    fn next(&mut self, seed: u64) -> Vec<u32> {
        let mut start = self.cursor.position as usize;
        if start + self.batch > self.order.len() {
            self.cursor = Cursor { epoch: self.cursor.epoch + 1, position: 0 };
            self.shuffle(seed);
            start = 0;
        }
        self.cursor.position += self.batch as u64;
        self.order.get(start..start + self.batch).unwrap_or_default().to_vec()
    }
}
