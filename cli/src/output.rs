//! Where things are printed: results to standard output, everything else to standard error; colours only for eyes.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::args::Global;

/// The width of lines when nobody looks.
const PLAIN_WIDTH: usize = 100;

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON on standard output.
    pub(crate) json: bool,
    /// No notes.
    pub(crate) quiet: bool,
    /// More notes.
    pub(crate) verbose: bool,
    /// Whether results are read by a person.
    pub(crate) terminal: bool,
    /// Whether results may be coloured.
    pub(crate) colours: bool,
    /// Whether what goes to standard error may be coloured.
    pub(crate) log_colours: bool,
    /// Columns of a line.
    pub(crate) width: usize,
    /// Whether a progress bar is wanted.
    pub(crate) progress: bool,
}

impl Output {
    /// As the flags, the terminal and `NO_COLOR` say.
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let wide = terminal_size::terminal_size().map_or(PLAIN_WIDTH, |(width, _)| usize::from(width.0));
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            terminal,
            colours: terminal && !global.json && !plain,
            log_colours: io::stderr().is_terminal() && !plain,
            width: if terminal { wide.clamp(40, 140) } else { PLAIN_WIDTH },
            progress: !global.quiet && io::stderr().is_terminal(),
        }
    }

    /// A line (or several) on standard output.
    pub(crate) fn print(&self, text: impl Display) -> Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("cannot print")
    }

    /// One JSON value on a line of standard output.
    pub(crate) fn print_json(&self, value: &impl Serialize) -> Result<()> {
        self.print(serde_json::to_string(value)?)
    }

    /// Something to know, on standard error.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            // A closed standard error is no reason to stop.
            let _ = writeln!(io::stderr().lock(), "neodex: {text}");
        }
    }

    /// Something to know for those who want to know more.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.note(text);
        }
    }

    /// `text` in a style of the terminal, an SGR code such as `1`.
    pub(crate) fn styled(&self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `text` as it may be shown: on a terminal without the control characters a document could play tricks with.
    pub(crate) fn shown(&self, text: &str) -> String {
        if !self.terminal {
            return text.to_owned();
        }
        text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{FFFD}' } else { c }).collect()
    }
}
