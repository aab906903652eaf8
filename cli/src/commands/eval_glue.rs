//! `neodex eval glue`: fine-tunes a model on GLUE's tasks and prints what GLUE reports.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use neodex_encoder::{ModelFiles, NeoBertConfig, Tokenizer};
use neodex_eval::Table;
use neodex_eval::glue::{Examples, GlueScore, GlueTask, Split, Target};
use neodex_training::checkpoint::Export;
use neodex_training::finetune::{Checkpoint, FinetuneSettings, Finetuning, Item, Weights, pair};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::glue_grid::{Cell, Grid, best_cell};
use crate::model;
use crate::progress::Progress;

/// Longest sequence of the paper's runs.
const MOST_TOKENS: usize = 1_024;

/// Fine-tune a model on GLUE and print each task's metric.
///
/// DIR is GLUE's folder (CoLA/, SST-2/, ...) or one task's. The recipe is the NeoBERT paper's: a tanh head on the first token's state, dropout
/// 0.1, AdamW, the rate up over 6 % of the steps and down a line, 10 epochs, ten evaluations an epoch on the development set, an end after 15
/// without a better score. Learning rate, batch and weight decay are those the paper found best for the task unless they are given; several
/// values of one, or --grid, are tried one after the other and the best on the development set is printed, as the paper does.
///
/// RTE, STS-B, MRPC and QNLI start from the model tuned on MNLI where MNLI is among the tasks (it then goes first), or from --start.
/// MRPC and QQP count the mean of accuracy and F1, STS-B that of both correlations, MNLI that of both development sets.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex eval glue GLUE/ --task rte --model models/neobert\n  neodex eval glue GLUE/ --task mnli,rte,mrpc --grid small --save runs/glue\n  neodex eval glue GLUE/ --task cola --learning-rate 8e-6,1e-5 --batch 8"
)]
pub(crate) struct EvalGlueArgs {
    /// GLUE's folder, or a task's.
    dir: PathBuf,
    /// Tasks: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli, or all (the paper's eight, without wnli).
    #[arg(long, value_delimiter = ',', required = true, value_name = "NAME")]
    task: Vec<String>,
    /// Try a grid: paper (6 rates, 5 batches, 2 decays) or small (3 rates, 2 batches: the ablations').
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "paper")]
    grid: Option<Grid>,
    /// Learning rates to try.
    #[arg(long, value_delimiter = ',', value_name = "RATE")]
    learning_rate: Vec<f64>,
    /// Batch sizes to try.
    #[arg(long, value_delimiter = ',', value_name = "N")]
    batch: Vec<usize>,
    /// Weight decays to try.
    #[arg(long, value_delimiter = ',', value_name = "DECAY")]
    weight_decay: Vec<f32>,
    /// Times every example is seen, at most.
    #[arg(long, default_value_t = 10)]
    epochs: u64,
    /// Evaluations without a better score after which a run ends.
    #[arg(long, default_value_t = 15)]
    patience: usize,
    /// What order, dropout and the head's first weights depend on.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A model tuned before (by --save), for the tasks that start from MNLI's.
    #[arg(long, value_name = "DIR")]
    start: Option<PathBuf>,
    /// Write the best model of each task to DIR/<task>, without its head.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

/// What a task came to.
#[derive(Debug, Serialize)]
struct TaskReport {
    task: GlueTask,
    score: f64,
    /// One for each development set.
    metrics: Vec<GlueScore>,
    learning_rate: f64,
    batch: usize,
    weight_decay: f32,
    steps: u64,
    best_step: u64,
    stopped_early: bool,
    started_from: String,
    /// Runs tried.
    runs: usize,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalGlueArgs) -> Result<Status> {
    let tasks = tasks(&args.task)?;
    let named = context.settings.model.clone().unwrap_or_else(|| model::BUNDLED.to_owned());
    let files = model::files(&named)?;
    let tuner = Tuner {
        context,
        args,
        tokenizer: Tokenizer::from_json(&files.tokenizer)?,
        device: neodex_training::device::open(context.settings.device)?,
        files: &files,
    };
    let start = Checkpoint::read(&files)?;
    let mut transferred: Option<(String, Weights)> = None;
    let other = args.start.as_deref().map(|dir| model::files(&dir.to_string_lossy())).transpose()?;
    let other = other.as_ref().map(Checkpoint::read).transpose()?;
    if let Some(other) = other.as_ref().filter(|other| !same_shape(other.config(), start.config())) {
        let (found, wanted) = (other.config(), start.config());
        return Err(usage(format!(
            "--start: it has {} layers of width {}, the model {} of width {}",
            found.num_hidden_layers, found.hidden_size, wanted.num_hidden_layers, wanted.hidden_size
        )));
    }
    context.interrupt.stop_orderly();
    let mut reports = Vec::new();
    for &task in &tasks {
        let from = if task.starts_from_mnli() { transferred.as_ref() } else { None };
        let other = other.as_ref().filter(|_| task.starts_from_mnli());
        let keep = args.save.is_some() || (task == GlueTask::Mnli && tasks.iter().any(|task| task.starts_from_mnli()));
        let Some((mut report, best)) = tuner.tune(task, other.unwrap_or(&start), from.map(|(_, w)| w), keep)? else {
            return Ok(Status::Interrupted);
        };
        report.started_from = match (from, other) {
            (Some((name, _)), _) => name.clone(),
            (None, Some(_)) => args.start.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default(),
            (None, None) => files.name.clone(),
        };
        if let (Some(folder), Some(best)) = (&args.save, &best) {
            save(&folder.join(task.name()), start.config(), &files, best)?;
        }
        if task == GlueTask::Mnli
            && let Some(best) = best
        {
            transferred = Some(("mnli".to_owned(), best));
        }
        reports.push(report);
    }
    print(context, &reports)?;
    Ok(Status::Done)
}

/// The tasks asked for, each once, MNLI first.
fn tasks(named: &[String]) -> Result<Vec<GlueTask>> {
    let mut tasks = Vec::new();
    for name in named {
        if name == "all" {
            tasks.extend(GlueTask::ALL.into_iter().filter(|task| *task != GlueTask::Wnli));
        } else {
            tasks.push(name.parse::<GlueTask>().map_err(|reason| usage(format!("--task: {reason}")))?);
        }
    }
    let mut seen = Vec::new();
    tasks.retain(|task| {
        !seen.contains(task) && {
            seen.push(*task);
            true
        }
    });
    tasks.sort_by_key(|task| *task != GlueTask::Mnli);
    Ok(tasks)
}

fn same_shape(a: &NeoBertConfig, b: &NeoBertConfig) -> bool {
    (a.hidden_size, a.num_hidden_layers, a.vocab_size, a.inner_size())
        == (b.hidden_size, b.num_hidden_layers, b.vocab_size, b.inner_size())
}

/// What all tasks share.
struct Tuner<'a> {
    context: &'a Context,
    args: &'a EvalGlueArgs,
    tokenizer: Tokenizer,
    device: neodex_training::device::Device,
    files: &'a ModelFiles,
}

impl Tuner<'_> {
    /// The best of the runs that are wanted; `None` when the user stopped it.
    fn tune(
        &self,
        task: GlueTask,
        start: &Checkpoint,
        from: Option<&Weights>,
        keep: bool,
    ) -> Result<Option<(TaskReport, Option<Weights>)>> {
        let (context, args) = (self.context, self.args);
        let train = self.examples(task, Split::Train)?;
        let dev = task.dev_splits().iter().map(|&split| self.examples(task, split)).collect::<Result<Vec<_>>>()?;
        let most = MOST_TOKENS.min(start.config().max_length);
        let sequence = |first: &str, second: Option<&str>| pair(&self.tokenizer, first, second, most);
        let mut items = Vec::with_capacity(train.examples.len());
        for example in &train.examples {
            let label = match example.target {
                Target::Class(class) => class as f32,
                Target::Score(score) => score as f32,
            };
            items.push(Item { ids: sequence(&example.first, example.second.as_deref())?, label });
        }
        let judged: Vec<_> = dev.iter().flat_map(|examples| &examples.examples).collect();
        let judged = judged
            .iter()
            .map(|example| sequence(&example.first, example.second.as_deref()))
            .collect::<Result<Vec<_>, _>>()?;
        let cells = self.cells(task)?;
        let mut best: Option<(TaskReport, Option<Weights>)> = None;
        for (number, cell) in cells.iter().enumerate() {
            let settings = FinetuneSettings {
                epochs: args.epochs,
                batch: cell.batch,
                learning_rate: cell.learning_rate,
                weight_decay: cell.weight_decay,
                patience: args.patience,
                seed: args.seed,
                ..FinetuneSettings::default()
            };
            let mut tuning = Finetuning::new(start, task.classes().len(), settings, &self.device)?;
            if let Some(weights) = from {
                tuning.load(weights)?;
            }
            let total = settings.epochs * settings.steps_per_epoch(items.len());
            let progress = Progress::steps(&context.output, task.name(), Some(total));
            let mut found: Option<(f64, Vec<GlueScore>)> = None;
            let mut score = |outputs: &[Vec<f32>]| {
                let metrics = judge(task, &dev, outputs)?;
                let score = metrics.iter().map(|metric| metric.score).sum::<f64>() / metrics.len().max(1) as f64;
                if found.as_ref().is_none_or(|(best, _)| score > *best) {
                    found = Some((score, metrics));
                }
                Ok(score)
            };
            let flag = context.interrupt.flag();
            let outcome = tuning.run(&items, &judged, &flag, keep, &mut score, &mut |told| {
                progress.at(told.step);
                progress.message(format!("{task} {cell}: loss {:.4}, score {:.4}", told.loss, told.score));
            });
            progress.finish();
            let outcome = outcome?;
            if outcome.interrupted {
                return Ok(None);
            }
            let Some((score, metrics)) = found else { continue };
            if cells.len() > 1 {
                let place = format!("{}/{}", number + 1, cells.len());
                context.output.note(format!("{task} {place}: {cell}: {score:.4} at step {}", outcome.step));
            }
            if best.as_ref().is_none_or(|(report, _)| score > report.score) {
                let report = TaskReport {
                    task,
                    score,
                    metrics,
                    learning_rate: cell.learning_rate,
                    batch: cell.batch,
                    weight_decay: cell.weight_decay,
                    steps: outcome.steps,
                    best_step: outcome.step,
                    stopped_early: outcome.stopped_early,
                    started_from: String::new(),
                    runs: cells.len(),
                };
                best = Some((report, outcome.best));
            }
        }
        Ok(best)
    }

    fn examples(&self, task: GlueTask, split: Split) -> Result<Examples> {
        let path = task.file(&self.args.dir, split)?;
        let found = Examples::open(task, &path)?;
        if found.skipped > 0 {
            self.context.output.detail(format!("{}: {} lines left out", path.display(), found.skipped));
        }
        Ok(found)
    }

    /// The runs wanted of a task.
    fn cells(&self, task: GlueTask) -> Result<Vec<Cell>> {
        let args = self.args;
        let usual = best_cell(task);
        let (rates, batches, decays) = match args.grid {
            Some(grid) => grid.values(),
            None => (vec![usual.learning_rate], vec![usual.batch], vec![usual.weight_decay]),
        };
        let rates = if args.learning_rate.is_empty() { rates } else { args.learning_rate.clone() };
        let batches = if args.batch.is_empty() { batches } else { args.batch.clone() };
        let decays = if args.weight_decay.is_empty() { decays } else { args.weight_decay.clone() };
        if batches.contains(&0) || rates.iter().any(|rate| !rate.is_finite() || *rate <= 0.0) {
            return Err(usage("--batch and --learning-rate must be above 0"));
        }
        let mut cells = Vec::new();
        for &batch in &batches {
            for &learning_rate in &rates {
                cells.extend(decays.iter().map(|&weight_decay| Cell { learning_rate, batch, weight_decay }));
            }
        }
        self.context.output.detail(format!("{task}: {} runs of {}", cells.len(), self.files.name));
        Ok(cells)
    }
}

/// The metrics of each development set.
fn judge(task: GlueTask, dev: &[Examples], outputs: &[Vec<f32>]) -> Result<Vec<GlueScore>, neodex_training::Error> {
    let mut rest = outputs;
    let mut metrics = Vec::with_capacity(dev.len());
    for examples in dev {
        let (own, others) = rest.split_at(examples.examples.len().min(rest.len()));
        rest = others;
        let said: Vec<_> = own.iter().map(|outputs| task.decide(outputs)).collect();
        let score = task.judge(&examples.examples, &said);
        metrics.push(score.map_err(|error| neodex_training::Error::Data {
            path: PathBuf::from(task.name()),
            reason: error.to_string(),
        })?);
    }
    Ok(metrics)
}

/// Writes the encoder as a model's folder, for `--start`, `--model`, and everything else that reads models.
fn save(folder: &Path, config: &NeoBertConfig, files: &ModelFiles, weights: &Weights) -> Result<()> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Export::new(config, &files.tokenizer).write(folder, |spec| {
        let own = |name: &str| name.strip_prefix("model.").unwrap_or(name) == spec.name;
        let found = weights.iter().find(|(name, _)| own(name)).map(|(_, values)| values.clone());
        found.ok_or_else(|| neodex_training::Error::Weights {
            name: spec.name.clone(),
            reason: "is not among those tuned".to_owned(),
        })
    })?;
    Ok(())
}

fn print(context: &Context, reports: &[TaskReport]) -> Result<()> {
    let mean = reports.iter().map(|report| report.score).sum::<f64>() / reports.len().max(1) as f64;
    if context.output.json {
        return context.output.print_json(&serde_json::json!({ "tasks": reports, "mean": mean }));
    }
    let mut table = Table::new(["task", "score", "metrics", "rate", "batch", "decay", "steps", "from"]);
    for report in reports {
        let metrics: Vec<String> = report.metrics.iter().map(said).collect();
        table.row([
            report.task.name().to_owned(),
            format!("{:.4}", report.score),
            metrics.join(" / "),
            format!("{:e}", report.learning_rate),
            report.batch.to_string(),
            format!("{:e}", report.weight_decay),
            report.best_step.to_string(),
            report.started_from.clone(),
        ]);
    }
    if reports.len() > 1 {
        table.row(["mean".to_owned(), format!("{mean:.4}")]);
    }
    context.output.print(table)
}

/// A task's figures in words.
fn said(score: &GlueScore) -> String {
    let figures = [
        ("Matthews", score.matthews),
        ("accuracy", score.accuracy),
        ("F1", score.f1),
        ("Pearson", score.pearson),
        ("Spearman", score.spearman),
    ];
    let known = figures.iter().filter_map(|(name, value)| Some(format!("{name} {:.4}", (*value)?)));
    known.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnli_goes_first_and_nothing_twice() {
        let named = |names: &[&str]| tasks(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let found = named(&["rte", "MNLI", "rte"]).unwrap_or_default();
        assert_eq!(found, [GlueTask::Mnli, GlueTask::Rte]);
        let all = named(&["all"]).unwrap_or_default();
        assert_eq!((all.len(), all.first()), (8, Some(&GlueTask::Mnli)));
        assert!(named(&["squad"]).is_err_and(|error| error.to_string().contains("no task `squad`")));
    }
}
