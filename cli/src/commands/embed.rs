//! `neodex embed`: texts to vectors, as JSON Lines or as a NumPy file.

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use neodex::NeoBert;
use neodex_encoder::{ChunkSpan, LateDocument, Role};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::npy;
use crate::units;

/// Texts and bytes embedded at a time: enough for the model's own batches to be full.
const MOST_TEXTS: usize = 512;
const MOST_BYTES: usize = 1 << 20;

/// Turn texts into vectors.
///
/// Texts come from the arguments, or else one a line from standard input. Prints one JSON object a line,
/// {"text": ..., "embedding": [...]}, or writes the vectors as a float32 array of shape (texts, dimension) with --output. What is over the
/// model's limit is cut off and counted; with --windows it is read, too.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex embed --model models/neobert --query \"close vectors\"\n  neodex embed --model models/neobert --output vectors.npy < lines.txt"
)]
pub(crate) struct EmbedArgs {
    /// Texts.
    text: Vec<String>,
    /// Embed as queries.
    #[arg(long, conflicts_with = "document")]
    query: bool,
    /// Embed as documents (the default).
    #[arg(long)]
    document: bool,
    /// Read long texts in overlapping windows of the model's full width, and take the mean over all their tokens.
    #[arg(long, conflicts_with = "query")]
    windows: bool,
    /// Write a NumPy array to this file instead.
    #[arg(long, short, value_name = "FILE.npy")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    embedding: &'a [f32],
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &EmbedArgs) -> Result<Status> {
    let model = model::require(context, "`embed`")?;
    let role = if args.query { Role::Query } else { Role::Document };
    let stdin = io::stdin().lock();
    let texts: Box<dyn Iterator<Item = io::Result<String>>> = match args.text.as_slice() {
        [] => Box::new(stdin.lines()),
        texts => Box::new(texts.iter().cloned().map(Ok)),
    };
    let mut writer: Box<dyn Vectors> = match &args.output {
        Some(path) => Box::new(Array::create(path, model.info().dimension)?),
        None => Box::new(JsonLines(BufWriter::new(io::stdout().lock()))),
    };
    let start = Instant::now();
    let Tally { texts, long, tokens } =
        embed(&model, role, args.windows, texts, writer.as_mut(), context.output.verbose)?;
    writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    let (speed, figures) = (units::rate(tokens, seconds), units::plural(texts, "text"));
    context.output.detail(format!(
        "{figures}, {} tokens in {seconds:.1} s: {} tokens/s",
        units::count(tokens),
        units::count(speed as u64)
    ));
    if long > 0 && !args.windows {
        let (long, most) = (units::plural(long, "text"), model.info().max_tokens);
        context
            .output
            .note(format!("{long} longer than the model's {most} tokens, and cut off there (--windows reads all)"));
    }
    Ok(Status::Done)
}

/// What went through.
#[derive(Default)]
struct Tally {
    texts: u64,
    /// Texts over the model's limit.
    long: u64,
    /// Tokens of all texts, special ones and those cut off left out; only where they were asked for.
    tokens: u64,
}

/// Embeds batch by batch. Tokens are counted only for those who want to see them, except those of texts that may be too long.
fn embed(
    model: &NeoBert,
    role: Role,
    windows: bool,
    texts: Box<dyn Iterator<Item = io::Result<String>> + '_>,
    writer: &mut dyn Vectors,
    count: bool,
) -> Result<Tally> {
    let (encoder, most) = (model.encoder(), model.info().max_tokens);
    let prompt = model.info().prompts.of(role);
    let limit = most.saturating_sub(encoder.special_tokens() + encoder.count_tokens(prompt)?);
    // A token has a byte at least.
    let may_be_long = |text: &str| text.len() > limit;
    let mut tally = Tally::default();
    let mut texts = texts.peekable();
    while texts.peek().is_some() {
        let (mut batch, mut bytes): (Vec<String>, usize) = (Vec::new(), 0);
        while batch.len() < MOST_TEXTS && bytes < MOST_BYTES {
            let Some(text) = texts.next() else { break };
            let text = text.map_err(|error| usage(format!("standard input: {error}")))?;
            bytes += text.len();
            batch.push(text);
        }
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        for text in &batch {
            let tokens = if count || may_be_long(text) { encoder.count_tokens(text)? } else { 0 };
            tally.long += u64::from(tokens > limit);
            tally.tokens += if windows { tokens } else { tokens.min(limit) } as u64;
        }
        let vectors = if windows { whole(model, &batch)? } else { encoder.embed(&batch, role)? };
        for (text, vector) in batch.iter().zip(&vectors) {
            writer.write(text, vector)?;
        }
        tally.texts += batch.len() as u64;
    }
    Ok(tally)
}

/// The mean over all tokens of each text, however many windows they fill.
fn whole(model: &NeoBert, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let spans: Vec<[ChunkSpan; 1]> =
        texts.iter().map(|text| [ChunkSpan { range: 0..text.len(), heading: String::new() }]).collect();
    let documents: Vec<LateDocument<'_>> =
        texts.iter().zip(&spans).map(|(text, chunks)| LateDocument { title: "", text, chunks }).collect();
    let vectors = model.encoder().embed_late(&documents, model.info().max_tokens)?;
    Ok(vectors.into_iter().flatten().collect())
}

/// Where vectors go.
trait Vectors {
    fn write(&mut self, text: &str, vector: &[f32]) -> Result<()>;
    fn finish(&mut self) -> Result<()>;
}

struct JsonLines<W>(W);

impl<W: Write> Vectors for JsonLines<W> {
    fn write(&mut self, text: &str, vector: &[f32]) -> Result<()> {
        let line = serde_json::to_string(&Line { text, embedding: vector })?;
        writeln!(self.0, "{line}").context("cannot print")
    }

    fn finish(&mut self) -> Result<()> {
        self.0.flush().context("cannot print")
    }
}

struct Array {
    writer: npy::Writer<File>,
    path: PathBuf,
}

impl Array {
    fn create(path: &Path, dimension: usize) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{}", path.display()))?;
        let writer = npy::Writer::new(file, dimension).with_context(|| format!("{}", path.display()))?;
        Ok(Self { writer, path: path.to_owned() })
    }
}

impl Vectors for Array {
    fn write(&mut self, _text: &str, vector: &[f32]) -> Result<()> {
        self.writer.row(vector).with_context(|| format!("{}", self.path.display()))
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish().with_context(|| format!("{}", self.path.display()))
    }
}
