//! `neodex eval fusion`: fits the constants of the automatic fusion on half of the queries of several collections and reports on the other
//! half, beside reciprocal rank and each leg alone. The figures of every leg come out of the same pass, so one run tells all about a model.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use neodex::search::auto::Auto;
use neodex::{Database, Evidence, Scored};
use neodex_eval::{BeirFolder, Qrels, Run, Table};
use serde_json::{Value, json};

use crate::commands::eval_beir::{self, Asked as Query};
use crate::context::Context;
use crate::exit::{Status, usage};
use crate::fitting::{Asked, Collection, Part, Way, fit};
use crate::model;
use crate::progress::Progress;

/// Fit how a hybrid search weighs words and meaning.
///
/// Each DIR is a BEIR folder. Both legs of every judged query run once; then the constants are searched for on the queries of even place, and
/// nDCG@10 on those of odd place is printed for words, meaning, reciprocal rank, the present constants and the fitted ones.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  neodex eval fusion data/* --candidates candidates/")]
pub(crate) struct EvalFusionArgs {
    /// The collections' folders.
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Keep what the legs found in this folder, one file a collection, and read it from there when it is there already.
    #[arg(long, value_name = "FOLDER")]
    candidates: Option<PathBuf>,
    /// Take the leg by meaning from TREC runs, NAME.run in this folder for the collection NAME, in place of a model.
    #[arg(long, value_name = "FOLDER")]
    dense_runs: Option<PathBuf>,
    /// Report on all queries, and do not fit.
    #[arg(long)]
    no_fit: bool,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalFusionArgs) -> Result<Status> {
    context.interrupt.stop_orderly();
    let mut collections = Vec::with_capacity(args.dirs.len());
    for dir in &args.dirs {
        match collection(context, args, dir)? {
            Some(collection) => collections.push(collection),
            None => return Ok(Status::Interrupted),
        }
    }
    let present = Auto::default();
    let (fitted, part) = if args.no_fit { (present, Part::All) } else { (fit(&collections, present), Part::Held) };
    let mut rows: Vec<(String, usize, [f64; 7])> = collections
        .iter()
        .map(|collection| {
            let plain = |way| collection.plain(way, part);
            let figures = [
                plain(Way::Lexical),
                plain(Way::Dense),
                plain(Way::Rrf),
                collection.auto(&present, part),
                collection.auto(&fitted, part),
                collection.share(&present),
                collection.share(&fitted),
            ];
            (collection.name.clone(), collection.len(), figures)
        })
        .collect();
    let count = rows.len() as f64;
    let means = std::array::from_fn(|column| rows.iter().map(|(.., figures)| figures[column]).sum::<f64>() / count);
    rows.push(("mean".to_owned(), rows.iter().map(|row| row.1).sum(), means));
    if context.output.json {
        context.output.print_json(&as_json(&rows, &fitted))?;
    } else {
        context.output.print(as_table(&rows))?;
        context.output.print(format!("{fitted:?}"))?;
    }
    Ok(Status::Done)
}

const COLUMNS: [&str; 7] = ["lexical", "dense", "rrf", "auto", "fitted", "share", "share fitted"];

fn as_table(rows: &[(String, usize, [f64; 7])]) -> Table {
    let mut table = Table::new(["nDCG@10", "queries"].into_iter().chain(COLUMNS));
    for (name, queries, figures) in rows {
        let figures = figures.iter().map(|figure| format!("{figure:.4}"));
        table.row([name.clone(), queries.to_string()].into_iter().chain(figures));
    }
    table
}

fn as_json(rows: &[(String, usize, [f64; 7])], fitted: &Auto) -> Value {
    let row = |(name, queries, figures): &(String, usize, [f64; 7])| {
        let mut row = json!({"collection": name, "queries": queries});
        for (column, figure) in COLUMNS.iter().zip(figures) {
            row[*column] = json!(figure);
        }
        row
    };
    json!({"rows": rows.iter().map(row).collect::<Vec<_>>(), "fitted": fitted})
}

/// What the legs find of one collection; `None` when the user stopped it.
fn collection(context: &Context, args: &EvalFusionArgs, dir: &Path) -> Result<Option<Collection>> {
    let absolute = dir.canonicalize().map_err(|error| usage(format!("{}: {error}", dir.display())))?;
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept = args.candidates.as_ref().map(|folder| folder.join(format!("{name}.jsonl")));
    if let Some(kept) = kept.as_deref().filter(|kept| kept.is_file()) {
        return Collection::read(name, kept).map(Some);
    }
    let folder = BeirFolder::open(dir)?;
    let qrels = folder.qrels()?;
    let queries = eval_beir::queries(&folder, &qrels)?;
    let run = args.dense_runs.as_ref().map(|folder| Run::open(&folder.join(format!("{name}.run")))).transpose()?;
    let model = match run {
        Some(_) => None,
        None => Some(model::require(context, "`eval fusion` without --dense-runs")?),
    };
    let queries = eval_beir::embed(model.as_ref(), queries)?;
    let database = context.open_temporary(model)?;
    if !eval_beir::ingest(context, &database, dir)? {
        return Ok(None);
    }
    let mut numbers = Numbers::default();
    let mut asked = Vec::with_capacity(queries.len());
    let progress = Progress::steps(&context.output, &name, Some(queries.len() as u64));
    for query in &queries {
        if context.interrupt.cancel.is_cancelled() {
            return Ok(None);
        }
        if !query.query.text.trim().is_empty() {
            asked.push(ask(&database, query, &qrels, run.as_ref(), &mut numbers)?);
        }
        progress.step();
    }
    progress.finish();
    let collection = Collection::new(name, asked);
    if let Some(kept) = kept {
        std::fs::create_dir_all(kept.parent().unwrap_or(Path::new("."))).with_context(|| kept.display().to_string())?;
        collection.save(&kept)?;
    }
    Ok(Some(collection))
}

fn ask(database: &Database, query: &Query, qrels: &Qrels, run: Option<&Run>, numbers: &mut Numbers) -> Result<Asked> {
    let search = database.search(query.query.text.as_str());
    let found = match &query.vector {
        Some(vector) => search.vector(vector.clone()),
        None => search,
    }
    .candidates()?;
    let lexical = numbers.leg(database, &found.lexical)?;
    let (dense, evidence) = match run {
        None => (numbers.leg(database, &found.dense)?, found.evidence),
        Some(run) => {
            let ranking = run.get(&query.query.id).unwrap_or_default();
            let dense: Vec<(u32, f32)> =
                ranking.iter().map(|hit| (numbers.of_id(&hit.document_id), hit.score as f32)).collect();
            let scored = |leg: &[(u32, f32)]| -> Vec<Scored<u32>> {
                leg.iter().map(|&(key, score)| Scored::new(key, score)).collect()
            };
            let evidence = Evidence::of(&scored(&dense), &scored(&lexical), found.bound, 0.0, 0.0);
            (dense, evidence)
        }
    };
    let judgements = qrels.get(&query.query.id).into_iter().flat_map(|judgements| judgements.iter());
    let grades: BTreeMap<u32, i32> =
        judgements.filter(|(_, grade)| *grade > 0).map(|(id, grade)| (numbers.of_id(id), grade)).collect();
    Ok(Asked { id: query.query.id.clone(), dense, lexical, evidence, bound: found.bound, grades })
}

/// Numbers for the documents of a collection.
#[derive(Default)]
struct Numbers {
    by_id: HashMap<String, u32>,
    by_chunk: HashMap<u64, u32>,
}

impl Numbers {
    fn of_id(&mut self, id: &str) -> u32 {
        if let Some(&number) = self.by_id.get(id) {
            return number;
        }
        let number = self.by_id.len() as u32;
        self.by_id.insert(id.to_owned(), number);
        number
    }

    fn leg(&mut self, database: &Database, leg: &[(u64, f32)]) -> Result<Vec<(u32, f32)>> {
        let mut named = Vec::with_capacity(leg.len());
        for &(chunk, score) in leg {
            let number = match self.by_chunk.get(&chunk) {
                Some(&number) => number,
                None => {
                    let Some(id) = database.document_of(chunk)? else { continue };
                    let number = self.of_id(id.as_str());
                    self.by_chunk.insert(chunk, number);
                    number
                }
            };
            named.push((number, score));
        }
        Ok(named)
    }
}
