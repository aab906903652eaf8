//! The loop of pretraining: stages, steps, held-out looks, checkpoints.

use candle_core::Tensor;

use super::masking::Replacement;
use super::sampler::{Cursor, Documents, Sampler, Share, Window, batches};
use super::step::{MaskPolicy, MaskedBatch, Specials, number};
use crate::bench::flops_per_token;
use crate::checkpoint::Export;
use crate::error::{Error, Result};
use crate::prepare::{self, CorpusData, Words};
use crate::progress::Observer;
use crate::random::Random;
use crate::recipe::{Masking, Recipe, Stage};
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
    let (mut session, cursor) = Session::open(recipe, options, observer, Phase::Pretrain, config.steps())?;
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
            let step = plan.step(&session, &words, config.learning_rate(&recipe.schedule, session.step))?;
            session.update(&step)?;
            if session.due(recipe.run.eval_every_steps) {
                let (loss, accuracy) = plan.evaluate(&session, &words)?;
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
    let export = Export { decoder: true, ..Export::new(&model, &words.json) };
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
    held_out: Vec<Window>,
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
        let replacement = match stage.masking {
            Masking::Mask => Replacement::Mask,
            // Ids below are special tokens in every tokenizer learned here.
            Masking::Bert => Replacement::Mixed { first: 5, vocab_size: recipe.model.vocab_size as u32 },
        };
        let policy = MaskPolicy { probability: stage.mlm_probability, replacement };
        Self { stage, position, seed, corpora, sampler, held_out, policy }
    }

    /// One optimizer step's gradients: micro-batches of like lengths, each counted by its hidden tokens.
    fn step(&mut self, session: &Session<'_>, words: &Words, lr: f64) -> Result<Step> {
        let windows = self.sampler.step(session.step, self.stage.tokens_per_step, Specials::AROUND);
        let mut random = Random::keyed(self.seed, &[self.position as u64, session.step, 2]);
        let mut prepared = Vec::new();
        for windows in batches(windows, self.stage.micro_batch_tokens, Specials::AROUND) {
            let corpora = &self.corpora;
            prepared.push(MaskedBatch::new(
                &windows,
                corpora,
                words.specials,
                self.policy,
                &mut random,
                &session.model,
            )?);
        }
        let masked: usize = prepared.iter().map(MaskedBatch::masked).sum();
        let tokens: usize = prepared.iter().map(MaskedBatch::tokens).sum();
        let scale = 1.0 / masked.max(1) as f64;
        let mut losses = Vec::new();
        for batch in &prepared {
            losses.push(batch.train(&session.model, session.keep(), scale)?.loss);
        }
        let loss = (Tensor::stack(&losses, 0)?.sum_all()? * scale)?;
        let length = tokens / prepared.iter().map(MaskedBatch::sequences).sum::<usize>().max(1);
        let flops = tokens as f64 * flops_per_token(session.model.config(), length, self.stage.mlm_probability);
        Ok(Step { stage: self.position, lr, tokens: tokens as u64, loss, flops })
    }

    /// Loss and accuracy on documents that are never trained on, always hidden the same way.
    fn evaluate(&self, session: &Session<'_>, words: &Words) -> Result<(Option<f64>, Option<f64>)> {
        let mut random = Random::keyed(self.seed, &[3]);
        let (mut loss, mut correct, mut masked) = (0.0, 0.0, 0_usize);
        for windows in batches(self.held_out.clone(), self.stage.micro_batch_tokens, Specials::AROUND) {
            let corpora = &self.corpora;
            let batch = MaskedBatch::new(&windows, corpora, words.specials, self.policy, &mut random, &session.model)?;
            let sums = batch.evaluate(&session.model)?;
            loss += number(&sums.loss)?;
            correct += number(&sums.correct)?;
            masked += batch.masked();
        }
        let mean = |sum: f64| (masked > 0).then(|| sum / masked as f64);
        Ok((mean(loss), mean(correct)))
    }
}
