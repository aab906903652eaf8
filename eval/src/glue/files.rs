//! GLUE's files: tab-separated, quotes mean nothing, and each has a quirk of its own.
//!
//! CoLA has no header. Some lines of QQP break in the middle of a question and lack columns; they are left out and counted. MNLI marks
//! pairs on which nobody agreed with `-`; they are left out too. MRPC begins with a byte order mark and ends its lines with CR LF.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::columns::Columns;
use super::task::{GlueTask, Target};
use crate::error::{Error, Result};
use crate::lines::Lines;

/// An example.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The first text, or the only one.
    pub first: String,
    /// The second, where the task is about pairs.
    pub second: Option<String>,
    /// What is right.
    pub target: Target,
}

/// The examples of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examples {
    /// Those that can be used, in the order of the file.
    pub examples: Vec<Example>,
    /// Lines left out because columns or the label are missing.
    pub skipped: usize,
}

impl Examples {
    /// Reads a task's file.
    ///
    /// # Errors
    /// When it cannot be read, as [`read`], and when there is no example in it.
    pub fn open(task: GlueTask, path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let examples = read(task, BufReader::with_capacity(1 << 16, file), path)?;
        if examples.examples.is_empty() {
            let reason = format!("there is no example of {task} in it");
            return Err(Error::Malformed { path: path.to_owned(), line: 1, reason });
        }
        Ok(examples)
    }
}

/// Reads the examples of `task` from `reader`; errors call it `path`.
///
/// # Errors
/// When the header lacks a column, or a label is none of the task's. Lines without all columns are errors except in QQP, whose own files have
/// some.
pub fn read(task: GlueTask, reader: impl BufRead, path: &Path) -> Result<Examples> {
    let mut lines = Lines::new(reader, path);
    let mut found = Examples::default();
    let mut columns = None;
    while let Some(line) = lines.next()? {
        match take(task, &mut columns, line) {
            Ok(Some(Line::Example(example))) => found.examples.push(example),
            Ok(Some(Line::Header)) => {}
            Ok(None) => found.skipped += 1,
            Err(reason) => return Err(lines.malformed(reason)),
        }
    }
    Ok(found)
}

enum Line {
    Header,
    Example(Example),
}

/// What a line is. The first one decides the columns.
fn take(task: GlueTask, columns: &mut Option<Columns>, line: &str) -> Result<Option<Line>, String> {
    let places = match *columns {
        Some(places) => places,
        None => {
            let (places, is_header) = Columns::of(task, line)?;
            *columns = Some(places);
            if is_header {
                return Ok(Some(Line::Header));
            }
            places
        }
    };
    Ok(example(task, places, line)?.map(Line::Example))
}

/// `None` for a line that the task's own files are known to have and that is no example.
fn example(task: GlueTask, places: Columns, line: &str) -> Result<Option<Example>, String> {
    let cells: Vec<&str> = line.split('\t').collect();
    let cell = |place: usize| cells.get(place).map(|cell| cell.trim());
    let second = places.second.map(cell);
    let (Some(first), Some(label)) = (cell(places.first), cell(places.label)) else {
        return missing(task, cells.len(), places.width);
    };
    if second == Some(None) || (task == GlueTask::Qqp && cells.len() != places.width) {
        return missing(task, cells.len(), places.width);
    }
    if task == GlueTask::Mnli && label == "-" {
        return Ok(None);
    }
    let target = match task.classes() {
        [] => label.parse().ok().filter(|score: &f64| score.is_finite()).map(Target::Score),
        classes => classes.iter().position(|class| *class == label).map(Target::Class),
    };
    let Some(target) = target else {
        let wanted = match task.classes() {
            [] => "a number".to_owned(),
            classes => format!("one of {}", classes.join(", ")),
        };
        return Err(format!("the label of {task} must be {wanted}, found `{label}`"));
    };
    Ok(Some(Example { first: first.to_owned(), second: second.flatten().map(str::to_owned), target }))
}

fn missing(task: GlueTask, found: usize, wanted: usize) -> Result<Option<Example>, String> {
    match task {
        GlueTask::Qqp => Ok(None),
        _ => Err(format!("a line of {task} has {wanted} columns, this one has {found}")),
    }
}
