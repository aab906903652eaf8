//! JSON Lines on standard input as an iterator: a thread reads and parses, so that the writers behind it never wait for one core, and so
//! that Ctrl-C is heard while nothing comes in.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use neodex::parse::{ParseError, ParseOptions, RecordError, parse_reader};
use neodex::{Cancel, Document};
use serde_json::Value;

/// Documents read ahead; each may be large.
const AHEAD: usize = 16;

/// The name in front of `#line` for records that bring no id.
const NAME: &str = "stdin";

/// The records of standard input.
pub(crate) struct Records {
    receiver: Receiver<Result<Document, RecordError>>,
    metadata: Vec<(String, Value)>,
    cancel: Cancel,
}

impl Records {
    /// Begins to read. Documents get `metadata` where they do not have the field themselves.
    pub(crate) fn from_stdin(options: ParseOptions, metadata: Vec<(String, Value)>, cancel: Cancel) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        // Not joined: it may wait for input that never comes, and ends with the program.
        std::thread::spawn(move || {
            let mut emit = |record| match sender.send(record) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            if let Err(error) = parse_reader(io::stdin().lock(), NAME, &options, &mut emit) {
                let _ = emit(Err(broken(&error)));
            }
        });
        Self { receiver, metadata, cancel }
    }
}

fn broken(error: &ParseError) -> RecordError {
    RecordError::new(NAME, error.to_string())
}

impl Iterator for Records {
    type Item = Result<Document, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = loop {
            if self.cancel.is_cancelled() {
                return None;
            }
            match self.receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(record) => break record,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        Some(record.map(|mut document| {
            for (key, value) in &self.metadata {
                if !document.metadata.contains_key(key) {
                    document.metadata.insert(key.clone(), value.clone());
                }
            }
            document
        }))
    }
}
