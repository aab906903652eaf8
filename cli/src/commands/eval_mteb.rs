//! `neodex eval mteb`: what MTEB measures, on tasks from local files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use neodex::parse::{Limits, Source};
use neodex::{Embedder, NeoBert};
use neodex_encoder::Role;
use neodex_eval::Table;
use neodex_eval::mteb::{Embed, EmbedError, ModelIdentity, Task, TaskFolder, result_path, write_result};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::interrupt::Interrupt;
use crate::model;
use crate::progress::Progress;

/// Texts embedded at a time.
const BATCH: usize = 64;
/// Characters of the fingerprint that a result's folder is named by.
const REVISION: usize = 40;

/// Measure a model on MTEB's kinds of task.
///
/// DIR is a task or a folder of tasks, each a folder of JSON Lines as MTEB's data sets have them: classification (train.jsonl and test.jsonl with
/// text and label), clustering (sentences, labels), pair classification (sentence1, sentence2, labels), reranking (query, positive, negative),
/// STS (sentence1, sentence2, score), summarisation (human_summaries, machine_summaries, relevance) and retrieval (a BEIR folder). task.json
/// may set name, kind, split, revision, languages, samples_per_label, experiments and ignore_identical_ids. Files may be packed as .gz or .zst.
///
/// Results are written as MTEB writes them, to OUTPUT/<model>/<revision>/<Task>.json. A task that has a result there is not run again.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex eval mteb tasks/ --model models/neobert\n  neodex eval mteb tasks/ --task STSBenchmark --overwrite"
)]
pub(crate) struct EvalMtebArgs {
    /// A task's folder, or a folder of them.
    dir: PathBuf,
    /// Only the task of this name; may be given several times.
    #[arg(long, value_name = "NAME")]
    task: Vec<String>,
    /// Where results are written.
    #[arg(long, value_name = "DIR", default_value = "results")]
    output: PathBuf,
    /// Run tasks again that have a result.
    #[arg(long)]
    overwrite: bool,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalMtebArgs) -> Result<Status> {
    let mut folders = TaskFolder::find(&args.dir, &open)?;
    if let Some(unknown) = args.task.iter().find(|&name| !folders.iter().any(|folder| folder.name == *name)) {
        let names: Vec<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
        return Err(usage(format!("--task {unknown}: {} has {}", args.dir.display(), names.join(", "))));
    }
    folders.retain(|folder| args.task.is_empty() || args.task.contains(&folder.name));
    let model = model::require(context, "`eval mteb`")?;
    let fingerprint = model.fingerprint();
    let identity = ModelIdentity {
        name: format!("neodex/{}", Embedder::name(&model)),
        revision: fingerprint.get(..REVISION).unwrap_or(&fingerprint).to_owned(),
    };
    context.interrupt.stop_orderly();
    let mut rows = Vec::new();
    for folder in folders {
        let path = result_path(&args.output, &identity, &folder.name);
        if !args.overwrite && path.is_file() {
            context.output.detail(format!("{} has a result already: {}", folder.name, path.display()));
            rows.push(Row::read(&path, folder.kind.name())?);
            continue;
        }
        let task = Task::read(folder, &open)?;
        let started = Instant::now();
        let progress = Progress::steps(&context.output, &task.folder.name, Some(task.texts() as u64));
        let mut reader = Reader { model: &model, interrupt: &context.interrupt, progress: &progress, done: 0 };
        let scores = task.run(&mut reader);
        progress.finish();
        if context.interrupt.cancel.is_cancelled() {
            return Ok(Status::Interrupted);
        }
        let scores = scores?;
        let path = write_result(&args.output, &identity, &task, &scores, started.elapsed().as_secs_f64())?;
        rows.push(Row {
            task: task.folder.name,
            kind: task.folder.kind.name(),
            main: scores.main.to_owned(),
            score: scores.main_score(),
            path,
        });
    }
    print(context, &rows)?;
    Ok(Status::Done)
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if !path.extension().is_some_and(|extension| extension == "gz" || extension == "zst") {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, File::open(path)?)));
    }
    let source = Source::from_path(path, path.to_string_lossy());
    let mut unpacked = Vec::new();
    let reader = source.open(&Limits::default()).map_err(|error| io::Error::other(error.to_string()))?;
    BufReader::new(reader).read_to_end(&mut unpacked)?;
    Ok(Box::new(Cursor::new(unpacked)))
}

/// A line of the table.
struct Row {
    task: String,
    kind: &'static str,
    main: String,
    score: f64,
    path: PathBuf,
}

impl Row {
    /// From a result that was there.
    fn read(path: &Path, kind: &'static str) -> Result<Self> {
        let damaged = || usage(format!("{}: not a result of MTEB; --overwrite makes it again", path.display()));
        let result: Value = serde_json::from_slice(&std::fs::read(path)?).map_err(|_| damaged())?;
        let entry = result["scores"].as_object().and_then(|splits| splits.values().next()).map(|split| &split[0]);
        let score = entry.and_then(|entry| entry["main_score"].as_f64()).ok_or_else(damaged)?;
        let task = result["task_name"].as_str().ok_or_else(damaged)?.to_owned();
        Ok(Self { task, kind, main: main_score(kind).to_owned(), score, path: path.to_owned() })
    }
}

/// The score that stands for a kind of task.
fn main_score(kind: &str) -> &'static str {
    match kind {
        "Classification" => "accuracy",
        "Clustering" => "v_measure",
        "PairClassification" => "max_ap",
        "Reranking" => "map_at_1000",
        "Retrieval" => "ndcg_at_10",
        _ => "cosine_spearman",
    }
}

/// The table, with the mean of each kind and the mean of all, as leaderboards have them.
fn print(context: &Context, rows: &[Row]) -> Result<()> {
    let mean = |rows: &[&Row]| rows.iter().map(|row| row.score).sum::<f64>() / rows.len().max(1) as f64;
    let all: Vec<&Row> = rows.iter().collect();
    if context.output.json {
        let tasks: Vec<Value> = rows
            .iter()
            .map(|row| {
                let (score, path) = (row.score, row.path.display().to_string());
                json!({ "task": row.task, "kind": row.kind, "metric": row.main, "score": score, "result": path })
            })
            .collect();
        return context.output.print_json(&json!({ "tasks": tasks, "mean": mean(&all) }));
    }
    let mut table = Table::new(["task", "kind", "metric", "score"]);
    for row in rows {
        table.row([row.task.clone(), row.kind.to_owned(), row.main.clone(), format!("{:.4}", row.score)]);
    }
    let mut kinds: Vec<&str> = rows.iter().map(|row| row.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if rows.len() > 1 {
        for kind in kinds {
            let of_kind: Vec<&Row> = rows.iter().filter(|row| row.kind == kind).collect();
            if of_kind.len() > 1 {
                table.row(["mean".to_owned(), kind.to_owned(), String::new(), format!("{:.4}", mean(&of_kind))]);
            }
        }
        table.row(["mean".to_owned(), "all".to_owned(), String::new(), format!("{:.4}", mean(&all))]);
    }
    context.output.print(table)
}

/// Embeds batch by batch, for a bar that moves and a Ctrl-C that is heard.
struct Reader<'a> {
    model: &'a NeoBert,
    interrupt: &'a Interrupt,
    progress: &'a Progress,
    done: u64,
}

impl Reader<'_> {
    fn read(&mut self, texts: &[&str], role: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            if self.interrupt.cancel.is_cancelled() {
                return Err("interrupted".into());
            }
            vectors.extend(self.model.encoder().embed(batch, role)?);
            self.done += batch.len() as u64;
            self.progress.at(self.done);
        }
        Ok(vectors)
    }
}

impl Embed for Reader<'_> {
    fn queries(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.read(texts, Role::Query)
    }

    fn documents(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.read(texts, Role::Document)
    }
}
