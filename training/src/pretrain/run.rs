//! The loop of pretraining: stages, steps, held-out looks, checkpoints.

use candle_core::{DType, Tensor};

use super::masking::Replacement;
use super::rows::{Row, batches, rows, share};
use super::sampler::{Cursor, Documents, Sampler, Share};
use super::step::{MaskKey, MaskPolicy, MaskedBatch, Specials, number};
use crate::checkpoint::Export;
use crate::distributed::{Member, launch};
use crate::error::{Error, Result};
use crate::flops::Work;
use crate::prepare::{self, CorpusData, Words};
use crate::progress::Observer;
use crate::recipe::{Masking, Packing, Recipe, Stage};
use crate::run::{Phase, RunOptions, Summary};
use crate::session::{Session, Step};

/// Most windows of held-out documents that are looked at.
const HELD_OUT_WINDOWS: usize = 512;

/// Pretrains the recipe's model.
///
/// # Errors
/// Those of preparing data, [`Error::Diverged`], those of checkpoints, and candle's.
pub fn run(recipe: &Recipe, options: &RunOptions, observer: &mut dyn Observer) -> Result<Summary> {
    let config = recipe.pretrain()?;
    let words = prepare::words(recipe, options, observer)?;
    let corpora = open(&config.stage, &words, recipe, options, observer)?;
    if options.prepare_only {
        return Ok(Summary { total_steps: config.steps(), ..Summary::default() });
    }
    launch(options, observer, |member| train(recipe, options, &words, &corpora, member))
}

/// The loop, on one rank.
fn train(
    recipe: &Recipe,
    options: &RunOptions,
    words: &Words,
    corpora: &[Vec<CorpusData>],
    member: Member<'_>,
) -> Result<Summary> {
    let config = recipe.pretrain()?;
    let (mut session, cursor) = Session::open(recipe, options, member, Phase::Pretrain, config.steps())?;
    let mut restored = cursor.map(|cursor| serde_json::from_value::<Vec<Cursor>>(cursor).unwrap_or_default());
    let seed = recipe.run.seed;
    while session.goes_on() {
        let (position, _) = config.locate(session.step);
        let Some((stage, data)) = config.stage.get(position).zip(corpora.get(position)) else { break };
        let mut plan = StagePlan::new(stage, data, position, seed, recipe);
        if let Some(cursors) = restored.take() {
            plan.sampler.restore(&cursors);
        }
        session.observer.note(&format!(
            "stage {}: {} windows of up to {} tokens, {} tokens",
            position + 1,
            plan.sampler.windows(),
            stage.length,
            plan.sampler.tokens()
        ));
        if plan.sampler.windows() == 0 {
            return Err(Error::config(
                format!("pretrain.stage.{position}.corpora"),
                "hold no document long enough to learn from",
            ));
        }
        while session.goes_on() && config.locate(session.step).0 == position {
            let step = plan.step(&session, words, config.learning_rate(&recipe.schedule, session.step))?;
            session.update(&step)?;
            if session.due(recipe.run.eval_every_steps) {
                let (loss, accuracy) = plan.evaluate(&session, words)?;
                if let Some((loss, accuracy)) = loss.zip(accuracy) {
                    session.heldout(position, loss, accuracy)?;
                }
            }
            let ends = config.locate(session.step).0 != position;
            // A stage's cursors mean nothing to the next: at its last step they start again.
            let cursors = if ends { Vec::new() } else { plan.sampler.cursors().to_vec() };
            if session.due(recipe.run.checkpoint_every_steps) || !session.goes_on() {
                session.save(position, serde_json::json!(cursors))?;
            }
        }
    }
    let model = recipe.model.to_neobert();
    let variant = recipe.model.variant();
    let export = Export { decoder: true, variant, ..Export::new(&model, &words.json) };
    session.finish(&export)
}

/// The corpora of each stage; one that several name is opened once each, which costs nothing but the mapping.
fn open(
    stages: &[Stage],
    words: &Words,
    recipe: &Recipe,
    options: &RunOptions,
    observer: &mut dyn Observer,
) -> Result<Vec<Vec<CorpusData>>> {
    let mut all = Vec::new();
    for stage in stages {
        let mut of_stage = Vec::new();
        for corpus in &stage.corpora {
            of_stage.push(prepare::corpus(corpus, words, recipe, options, observer)?);
        }
        all.push(of_stage);
    }
    Ok(all)
}

/// What a stage reads and how.
struct StagePlan<'a> {
    stage: &'a Stage,
    position: usize,
    seed: u64,
    corpora: Vec<&'a dyn Documents>,
    sampler: Sampler,
    held_out: Vec<Row>,
    policy: MaskPolicy,
}

impl<'a> StagePlan<'a> {
    fn new(stage: &'a Stage, data: &'a [CorpusData], position: usize, seed: u64, recipe: &Recipe) -> Self {
        let corpora: Vec<&dyn Documents> = data.iter().map(|data| data as &dyn Documents).collect();
        let shares: Vec<Share<'_>> = corpora
            .iter()
            .zip(&stage.corpora)
            .map(|(&documents, corpus)| Share {
                documents,
                weight: corpus.weight,
                min_tokens: corpus.min_tokens.unwrap_or(0),
            })
            .collect();
        let room = stage.length - Specials::AROUND;
        let documents: usize = corpora.iter().map(|corpus| corpus.count()).sum();
        // Every n-th document of each corpus, so that all kinds are held out and a stage holds out what the others do.
        let every = (documents / recipe.run.heldout_documents.max(1)).max(2);
        let held = |document: usize| recipe.run.heldout_documents > 0 && document % every == every / 2;
        let sampler = Sampler::new(seed, position as u64, &shares, room, |_, document| held(document));
        let mut out = Sampler::new(seed, position as u64, &shares, room, |_, document| !held(document));
        let mut held_out = match out.windows() {
            0 => Vec::new(),
            windows => out.step(0, windows.min(HELD_OUT_WINDOWS) * room, 0),
        };
        held_out.truncate(HELD_OUT_WINDOWS);
        let held_out = rows(held_out, Packing::None, stage.length);
        let replacement = match stage.masking {
            Masking::Mask => Replacement::Mask,
            // Ids below are special tokens in every tokenizer learned here.
            Masking::Bert => Replacement::Mixed { first: 5, vocab_size: recipe.model.vocab_size as u32 },
        };
        let policy = MaskPolicy { probability: stage.mlm_probability, replacement };
        Self { stage, position, seed, corpora, sampler, held_out, policy }
    }

    /// One optimizer step's gradients: this rank's rows in micro-batches of like lengths, each counted by the hidden tokens of all ranks.
    fn step(&mut self, session: &Session<'_, '_>, words: &Words, lr: f64) -> Result<Step> {
        let (rank, world) = (session.group.rank(), session.group.world_size());
        let windows = self.sampler.step(session.step, self.stage.tokens_per_step, Specials::AROUND);
        let own = share(rows(windows, self.stage.packing, self.stage.length), rank, world);
        let flat = self.stage.packing == Packing::Separate;
        let key = MaskKey { seed: self.seed, key: [self.position as u64, session.step] };
        let mut prepared = Vec::new();
        for rows in batches(own, self.stage.micro_batch_tokens, flat) {
            prepared.push(self.batch(&rows, words, key, flat, session)?);
        }
        let work = prepared.iter().map(MaskedBatch::work).fold(Work::default(), Work::and);
        let masked = session.group.sum(&[work.predicted])?.first().copied().unwrap_or_default();
        let scale = 1.0 / masked.max(1.0);
        let mut losses = vec![Tensor::zeros((), DType::F32, session.model.device())?];
        for batch in &prepared {
            losses.push(batch.train(&session.model, session.keep(), scale)?.loss);
        }
        let loss = (Tensor::stack(&losses, 0)?.sum_all()? * scale)?;
        Ok(Step { stage: self.position, lr, loss, work })
    }

    /// Loss and accuracy on documents that are never trained on, always hidden the same way and never packed.
    fn evaluate(&self, session: &Session<'_, '_>, words: &Words) -> Result<(Option<f64>, Option<f64>)> {
        let (rank, world) = (session.group.rank(), session.group.world_size());
        let key = MaskKey { seed: self.seed, key: [0, u64::MAX] };
        let mut sums = [0.0; 3];
        for rows in batches(share(self.held_out.clone(), rank, world), self.stage.micro_batch_tokens, false) {
            let batch = self.batch(&rows, words, key, false, session)?;
            let outcome = batch.evaluate(&session.model)?;
            sums[0] += number(&outcome.loss)?;
            sums[1] += number(&outcome.correct)?;
            sums[2] += batch.work().predicted;
        }
        let all = session.group.sum(&sums)?;
        let [loss, correct, masked] = *all.as_array().unwrap_or(&sums);
        let mean = |sum: f64| (masked > 0.0).then(|| sum / masked);
        Ok((mean(loss), mean(correct)))
    }

    fn batch(
        &self,
        rows: &[Row],
        words: &Words,
        key: MaskKey,
        flat: bool,
        on: &Session<'_, '_>,
    ) -> Result<MaskedBatch> {
        MaskedBatch::new(rows, &self.corpora, words.specials, self.policy, key, flat, on.model.device())
    }
}
