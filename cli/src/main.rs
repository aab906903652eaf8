//! The `neodex` program: what was typed becomes settings, one command runs, and how it went becomes an exit status.
//!
//! Only this crate uses `anyhow`: libraries name their errors, the program only tells them.

mod args;
mod bench;
mod cache;
mod commands;
mod config_file;
mod context;
mod exit;
mod fitting;
mod glue_grid;
mod hub;
mod interrupt;
mod model;
mod npy;
mod output;
mod passage;
mod plain;
mod progress;
mod settings;
mod units;

use std::process::ExitCode;

fn main() -> ExitCode {
    // What a library panics over is told as an error that names the file.
    neodex_guard::hide_caught_panics();
    // A pdf is read by a child, which is this program with another task.
    if let Some(status) = neodex::parse::isolate() {
        return status;
    }
    exit::end(commands::run())
}
