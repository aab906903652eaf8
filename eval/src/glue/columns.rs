//! Where the columns of a task's file are.
//!
//! The header decides where there is one, because the same column stands elsewhere in the training and the development file of MNLI; CoLA
//! has none in either.

use super::task::GlueTask;

/// The places of what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) first: usize,
    pub(super) second: Option<usize>,
    pub(super) label: usize,
    /// Columns of a whole line.
    pub(super) width: usize,
}

/// What the columns are called in the header: first text, second text, label.
fn names(task: GlueTask) -> (&'static str, Option<&'static str>, &'static str) {
    match task {
        GlueTask::Cola | GlueTask::Sst2 => ("sentence", None, "label"),
        GlueTask::Mrpc => ("#1 String", Some("#2 String"), "Quality"),
        GlueTask::Stsb => ("sentence1", Some("sentence2"), "score"),
        GlueTask::Qqp => ("question1", Some("question2"), "is_duplicate"),
        GlueTask::Mnli => ("sentence1", Some("sentence2"), "gold_label"),
        GlueTask::Qnli => ("question", Some("sentence"), "label"),
        GlueTask::Rte | GlueTask::Wnli => ("sentence1", Some("sentence2"), "label"),
    }
}

impl Columns {
    /// From the first line. `Err` says what is missing from a header. The flag tells whether the line was one.
    pub(super) fn of(task: GlueTask, line: &str) -> Result<(Self, bool), String> {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        if task == GlueTask::Cola && cells.len() == 4 && !cells.contains(&"sentence") {
            // Source, label, the author's mark, sentence.
            return Ok((Self { first: 3, second: None, label: 1, width: 4 }, false));
        }
        let place = |name: &str| {
            let found = cells.iter().position(|cell| cell.eq_ignore_ascii_case(name));
            found.ok_or_else(|| format!("the header of {task}'s file has no column `{name}`: `{}`", cells.join("`, `")))
        };
        let (first, second, label) = names(task);
        let second = second.map(place).transpose()?;
        Ok((Self { first: place(first)?, second, label: place(label)?, width: cells.len() }, true))
    }
}
