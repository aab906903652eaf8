//! Reading hostile files in a process of their own.
//!
//! A library cannot start a program that knows how to read a pdf, but the program it is part of can start itself: it calls [`isolate`] first
//! thing in `main`, and from then on every pdf is read by a child that runs the same program with a hidden argument. Whatever the file does
//! to the reader (a stack overflow, an endless loop, all the memory there is), only the child ends. Programs that do not call it read pdfs in a
//! thread.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

/// What a child is called with.
const ARGUMENT: &str = "--neodex-read-pdf";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// To be called first thing in `main`. In a child it does the child's work and returns the status `main` is to return at once; otherwise it
/// arranges that pdfs are read by children from now on, and returns `None`.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     if let Some(status) = neodex::parse::isolate() {
///         return status;
///     }
///     // ... the program
///     std::process::ExitCode::SUCCESS
/// }
/// ```
#[must_use = "in a child, `main` has to end with this status"]
pub fn isolate() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none() {
        return Some(super::formats::read_for_parent());
    }
    if let Ok(program) = std::env::current_exe() {
        // A second call changes nothing.
        let _ = PROGRAM.set(program);
    }
    None
}

/// The program to start for reading a pdf and its argument, where it was arranged.
#[cfg(feature = "formats")]
pub(super) fn reader() -> Option<(&'static std::path::Path, &'static str)> {
    PROGRAM.get().map(|program| (program.as_path(), ARGUMENT))
}
