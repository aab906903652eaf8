//! The two ends between a program and the child that reads a pdf for it.
//!
//! In: a line of JSON with the id and the limits, then the pdf to the end. Out: a byte for how it went (document, or one of the errors), then
//! the document's record or the error's facts as JSON.

use std::io::{BufRead, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::pdf::{read, with_deep_stack};
use crate::document::{Document, record};
use crate::parse::{Format, Limits, ParseError, isolation};

/// What the child may have of memory, beyond a multiple of the file: pages and fonts are unpacked one after the other.
const MOST_MEMORY_BYTES: u64 = 1 << 30;
const MEMORY_PER_BYTE: u64 = 16;
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Beyond the time that the reader takes for itself.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
struct Request {
    id: String,
    max_document_bytes: usize,
    max_pages: usize,
    max_time_ms: u64,
}

/// What comes back in place of a document.
#[derive(Serialize, Deserialize)]
enum Failure {
    TooLarge { what: String, limit: u64 },
    Timeout,
    Malformed { reason: String },
}

const DOCUMENT: u8 = b'd';
const FAILURE: u8 = b'f';

/// Has a child read the pdf; `None` where no children were arranged, or none can be started.
pub(super) fn read_in_child(bytes: &[u8], id: &str, limits: &Limits) -> Option<Result<Document, ParseError>> {
    let (program, argument) = isolation::reader()?;
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().ok()?;
    let most_memory = MOST_MEMORY_BYTES + MEMORY_PER_BYTE * bytes.len() as u64;
    Some(converse(child, bytes, id, limits, most_memory))
}

fn converse(
    mut child: Child,
    bytes: &[u8],
    id: &str,
    limits: &Limits,
    most_memory: u64,
) -> Result<Document, ParseError> {
    let request = Request {
        id: id.to_owned(),
        max_document_bytes: limits.max_document_bytes,
        max_pages: limits.max_pages,
        max_time_ms: u64::try_from(limits.max_time.as_millis()).unwrap_or(u64::MAX),
    };
    let (mut to, from) = (child.stdin.take(), child.stdout.take());
    let mut greedy = false;
    let answer = thread::scope(|scope| {
        let (sender, receiver) = channel();
        let most = 4 * limits.max_document_bytes as u64 + (64 << 20);
        scope.spawn(move || {
            let mut answer = Vec::new();
            let read = from.map(|from| from.take(most).read_to_end(&mut answer));
            let _ = sender.send(read.and_then(Result::ok).map(|_| answer));
        });
        scope.spawn(move || {
            let Some(to) = to.as_mut() else { return };
            // A child that does not listen any more has its reasons, which its answer or its end tells.
            let _ = serde_json::to_writer(&mut *to, &request)
                .map_err(std::io::Error::from)
                .and_then(|()| to.write_all(b"\n"))
                .and_then(|()| to.write_all(bytes));
        });
        let (started, patience) = (Instant::now(), limits.max_time.saturating_add(PATIENCE));
        let answer = loop {
            let answer = receiver.recv_timeout(LOOK_EVERY);
            let waits = matches!(answer, Err(RecvTimeoutError::Timeout));
            if waits && memory_bytes(&child).is_some_and(|bytes| bytes > most_memory) {
                greedy = true;
                break answer;
            }
            if !waits || started.elapsed() >= patience {
                break answer;
            }
        };
        if answer.is_err() {
            // This also ends the two threads, which wait for the child.
            let _ = child.kill();
        }
        answer
    });
    let _ = child.wait();
    match answer {
        Err(_) if greedy => {
            Err(ParseError::TooLarge { what: "the memory it takes to read it".to_owned(), limit: most_memory })
        }
        Err(RecvTimeoutError::Timeout) => Err(ParseError::Timeout { limit: limits.max_time }),
        Ok(Some(answer)) if !answer.is_empty() => understand(&answer, limits),
        _ => Err(ParseError::malformed(Format::Pdf, "reading it ended the process that read it")),
    }
}

/// What the child has of memory now, where the system tells.
fn memory_bytes(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

fn understand(answer: &[u8], limits: &Limits) -> Result<Document, ParseError> {
    let garbled = || ParseError::malformed(Format::Pdf, "the process that read it gave no sensible answer");
    match answer.split_first() {
        Some((&DOCUMENT, bytes)) => Ok(record::decode(bytes)?),
        Some((&FAILURE, bytes)) => Err(match serde_json::from_slice(bytes).map_err(|_| garbled())? {
            Failure::TooLarge { what, limit } => ParseError::TooLarge { what, limit },
            Failure::Timeout => ParseError::Timeout { limit: limits.max_time },
            Failure::Malformed { reason } => ParseError::Malformed { format: Format::Pdf, reason },
        }),
        _ => Err(garbled()),
    }
}

/// The child's work.
pub(in crate::parse) fn read_for_parent() -> ExitCode {
    let mut answer = Vec::new();
    match serve(&mut std::io::stdin().lock()) {
        Ok(document) => match record::encode(&document) {
            Ok(record) => {
                answer.push(DOCUMENT);
                answer.extend(record);
            }
            Err(error) => fail(&mut answer, &Failure::Malformed { reason: error.to_string() }),
        },
        Err(ParseError::TooLarge { what, limit }) => fail(&mut answer, &Failure::TooLarge { what, limit }),
        Err(ParseError::Timeout { .. }) => fail(&mut answer, &Failure::Timeout),
        Err(ParseError::Malformed { reason, .. }) => fail(&mut answer, &Failure::Malformed { reason }),
        Err(error) => fail(&mut answer, &Failure::Malformed { reason: error.to_string() }),
    }
    let mut out = std::io::stdout().lock();
    match out.write_all(&answer).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(answer: &mut Vec<u8>, failure: &Failure) {
    answer.push(FAILURE);
    answer.extend(serde_json::to_vec(failure).unwrap_or_default());
}

fn serve(input: &mut impl BufRead) -> Result<Document, ParseError> {
    let mut line = Vec::new();
    input.take(1 << 20).read_until(b'\n', &mut line)?;
    let request: Request = serde_json::from_slice(&line).map_err(|error| ParseError::malformed(Format::Pdf, error))?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let max_time = Duration::from_millis(request.max_time_ms);
    let limits = Limits {
        max_document_bytes: request.max_document_bytes,
        max_pages: request.max_pages,
        max_time,
        ..Limits::default()
    };
    with_deep_stack(max_time, move || read(&bytes, &request.id, &limits))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn child(program: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Programs that do to the parent what a reader gone wrong would.
    #[test]
    fn a_child_that_goes_wrong_costs_its_document() {
        let limits = Limits { max_time: Duration::from_secs(20), ..Limits::default() };
        let read = |child, limits: &Limits| converse(child, b"%PDF", "x", limits, 64 << 20).unwrap_err();
        // It waits for the end of a line that has none.
        let greedy = read(child("tail", &["-n", "1", "/dev/zero"]), &limits);
        assert!(matches!(&greedy, ParseError::TooLarge { what, .. } if what.contains("memory")), "{greedy}");
        let dead = read(child("sh", &["-c", "kill -SEGV $$"]), &limits);
        assert!(dead.to_string().contains("ended the process"), "{dead}");
        let garbled = read(child("echo", &["something else"]), &limits);
        assert!(garbled.to_string().contains("no sensible answer"), "{garbled}");
    }
}
