//! `neodex eval pppl`: does a model still guess well in the middle of a long text?

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use neodex::NeoBert;
use neodex::parse::{Limits, Source};
use neodex_eval::pppl::{Guesses, PerplexityReport, spread};
use serde::Deserialize;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::progress::Progress;

/// Masked copies of a text that go to the model in one call: enough to fill its batches, few enough for a bar that moves.
const COPIES: usize = 16;

/// Measure how well a model guesses words, by the length of the text around them.
///
/// FILE is a text, or JSON Lines with a `text` each, which may be packed as .gz or .zst. Every text is cut to each of the lengths it reaches,
/// tokens of it are hidden one at a time, and the model is asked for them: pseudo-perplexity is the exponential of the mean cross-entropy.
/// The paper hides every token (--positions 0); a sample spread over the text tells nearly as much in a fraction of the time.
///
/// The model must have kept its language-model head (`decoder.weight`, `decoder.bias`), as `train pretrain` writes it; models saved for
/// embedding have none.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex eval pppl articles.jsonl --model runs/small/model --lengths 512,1024,2048,4096\n  neodex eval pppl book.txt --positions 0 --lengths 512 --precision f32"
)]
pub(crate) struct EvalPpplArgs {
    /// The texts.
    file: PathBuf,
    /// Tokens of a text, special ones included.
    #[arg(long, value_delimiter = ',', default_value = "512,1024,2048,4096")]
    lengths: Vec<usize>,
    /// Tokens hidden in each text at each length; 0 hides every one.
    #[arg(long, value_name = "N", default_value_t = 64)]
    positions: usize,
    /// Texts used, at most.
    #[arg(long, value_name = "N", default_value_t = 100)]
    documents: usize,
    /// Where the picture is drawn.
    #[arg(long, value_name = "FILE.svg", default_value = "pppl.svg")]
    picture: PathBuf,
}

#[derive(Deserialize)]
struct Record {
    text: String,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EvalPpplArgs) -> Result<Status> {
    let mut lengths = args.lengths.clone();
    lengths.sort_unstable();
    lengths.dedup();
    let model = model::require(context, "`eval pppl`")?;
    let encoder = model.encoder();
    if !encoder.has_language_model_head() {
        return Err(usage(format!(
            "the model `{}` has no language-model head (decoder.weight and decoder.bias), so it cannot guess words; \
             models saved for embedding are saved without, `train pretrain` keeps it",
            encoder.name()
        )));
    }
    let special = encoder.tokenizer().special_tokens();
    if let Some(length) = lengths.iter().find(|&&length| length > encoder.max_tokens() || length <= special) {
        let most = encoder.max_tokens();
        return Err(usage(format!("--lengths: {length} is not between {} and the model's {most}", special + 1)));
    }
    let longest = lengths.last().copied().unwrap_or(0);
    let shortest = lengths.first().copied().unwrap_or(0);
    let texts = long_enough(&args.file, args.documents, &model, shortest - special, longest - special)?;
    if texts.is_empty() {
        return Err(usage(format!("{}: no text in it has {shortest} tokens", args.file.display())));
    }
    let positions = |length: usize| {
        spread(encoder.tokenizer().start().len()..length - encoder.tokenizer().end().len(), args.positions)
    };
    let reached = |length: usize| texts.iter().filter(move |ids| ids.len() + special >= length);
    // A hidden token costs its whole text.
    let total: usize = lengths.iter().map(|&length| reached(length).count() * positions(length).len() * length).sum();
    let progress = Progress::steps(&context.output, "tokens", Some(total as u64));
    context.interrupt.stop_orderly();
    let mut report = PerplexityReport { model: encoder.name().to_owned(), lengths: Vec::new() };
    let mut done = 0;
    for &length in &lengths {
        let mut guesses = Guesses::default();
        for text in reached(length) {
            let own = text.get(..length - special).unwrap_or(text);
            let ids = [encoder.tokenizer().start(), own, encoder.tokenizer().end()].concat();
            guesses.document();
            for some in positions(length).chunks(COPIES) {
                if context.interrupt.cancel.is_cancelled() {
                    return Ok(Status::Interrupted);
                }
                for guess in encoder.guess(&ids, some)? {
                    guesses.add(guess.log_probability, guess.first);
                }
                done += (some.len() * length) as u64;
                progress.at(done);
            }
        }
        match guesses.at(length) {
            Some(figures) => report.lengths.push(figures),
            None => context.output.note(format!("no text has {length} tokens")),
        }
    }
    progress.finish();
    std::fs::write(&args.picture, report.picture())
        .with_context(|| format!("cannot write {}", args.picture.display()))?;
    if context.output.json {
        context.output.print_json(&report)?;
    } else {
        context.output.print(&report)?;
        context.output.note(format!("the picture is in {}", args.picture.display()));
    }
    Ok(Status::Done)
}

/// The tokens of the first `most` texts that have at least `shortest`, each cut to `longest`.
fn long_enough(path: &Path, most: usize, model: &NeoBert, shortest: usize, longest: usize) -> Result<Vec<Vec<u32>>> {
    let source = Source::from_path(path, path.to_string_lossy());
    let reader = source.open(&Limits::default()).map_err(|error| usage(format!("{}: {error}", path.display())))?;
    let mut reader = BufReader::new(reader);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let lines = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson"].iter().any(|ending| name.ends_with(ending));
    let mut kept = Vec::new();
    let mut keep = |text: &str| -> Result<bool> {
        // A token is at least a byte, and most are several: no use in reading what is too short or far beyond.
        if text.len() >= shortest {
            let ids = model.encoder().tokenizer().encode(text, longest)?.ids;
            if ids.len() >= shortest {
                kept.push(ids);
            }
        }
        Ok(kept.len() < most)
    };
    if !lines {
        let mut text = String::new();
        reader.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
        keep(&text)?;
        return Ok(kept);
    }
    for (number, line) in reader.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let record: Record = serde_json::from_str(&line)
            .map_err(|error| usage(format!("{}:{}: {error}", path.display(), number + 1)))?;
        if !keep(&record.text)? {
            break;
        }
    }
    Ok(kept)
}
