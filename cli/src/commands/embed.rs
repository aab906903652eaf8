//! `neodex embed`: texts to vectors, as JSON Lines or as a NumPy file.

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use neodex::NeoBert;
use neodex_encoder::Role;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Status, usage};
use crate::model;
use crate::npy;
use crate::units;

/// Texts embedded at a time.
const BATCH: usize = 64;

/// Turn texts into vectors.
///
/// Texts come from the arguments, or else one a line from standard input. Prints one JSON object a line,
/// {"text": ..., "embedding": [...]}, or writes the vectors as a float32 array of shape (texts, dimension) with --output.
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
    let cut = embed(&model, role, texts, writer.as_mut())?;
    writer.finish()?;
    if cut > 0 {
        let most = model.info().max_tokens;
        context
            .output
            .note(format!("{} longer than the model's {most} tokens, and cut off there", units::plural(cut, "text")));
    }
    Ok(Status::Done)
}

/// Embeds batch by batch, and returns how many texts were too long.
fn embed(
    model: &NeoBert,
    role: Role,
    mut texts: Box<dyn Iterator<Item = io::Result<String>> + '_>,
    writer: &mut dyn Vectors,
) -> Result<u64> {
    let mut cut = 0;
    loop {
        let batch: Vec<String> = texts
            .by_ref()
            .take(BATCH)
            .collect::<io::Result<_>>()
            .map_err(|error| usage(format!("standard input: {error}")))?;
        if batch.is_empty() {
            return Ok(cut);
        }
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        let vectors = model.encoder().embed(&batch, role)?;
        for (text, vector) in batch.iter().zip(&vectors) {
            // Two tokens of every sequence are the special ones.
            cut += u64::from(model.encoder().count_tokens(text)? + 2 > model.info().max_tokens);
            writer.write(text, vector)?;
        }
    }
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
