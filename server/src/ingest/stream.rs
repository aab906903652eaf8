//! A stream of documents, one a line, with an answer for each as soon as it is certain.
//!
//! Three tasks pass them along: this one reads lines, a blocking one stores, and `acknowledge` answers. Everything between them is
//! bounded: texts by bytes until the library's own budget has them, answers by their number, so a client that sends
//! without reading is slowed down and at last refused, not remembered without end. When the server stops, or the client goes away, reading
//! ends, and what was read is stored and answered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use neodex::Document;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::Instrument;

use crate::body::lines::{Line, Splitter};
use crate::body::read;
use crate::ingest::acknowledge::acknowledge;
use crate::ingest::answers::{Answers, Settled};
use crate::ingest::{admit, outcome};
use crate::refusal::{Code, Refusal};
use crate::state::App;
use crate::wire::document::{self, DocumentOutcome};

/// Bytes of lines between the socket and the library.
const IN_FLIGHT_BYTES: usize = 8 << 20;

/// A document on its way to the library, with the bytes it holds until it is there.
struct Item {
    name: String,
    document: Document,
    #[expect(dead_code, reason = "held for its drop")]
    bytes: OwnedSemaphorePermit,
}

/// Starts storing what comes and returns the body of the answer.
///
/// # Errors
/// 429 when too many streams are open, 503 when the server is stopping.
pub(crate) fn start(app: &App, body: Body, wait: bool) -> Result<Body, Refusal> {
    let permit = admit(app)?;
    let (documents, mut queue) = mpsc::channel::<Item>(64);
    let (settled, outcomes) = mpsc::unbounded_channel();
    let (ended, end) = oneshot::channel();
    let (answers, answer_body) = Answers::new(app.config.limits.unread_lines);

    let reader = Reader { app: app.clone(), documents, settled: settled.clone(), answers: Arc::clone(&answers) };
    let reading = tokio::spawn(async move { reader.run(body).await }.in_current_span());

    let db = app.db.clone();
    let storing = tokio::task::spawn_blocking(move || {
        let items = std::iter::from_fn(move || queue.blocking_recv().map(|item| (item.name, item.document)));
        let on_stored = move |name: &str, stored: Result<neodex::Stored, &str>| {
            if let Some((line, id)) = name.split_once(' ') {
                let _ = settled.send(Settled::new(outcome(line.parse().ok(), id, stored), stored.ok()));
            }
        };
        db.insert_each(items, Arc::new(on_stored))
    });
    tokio::spawn(
        async move {
            let read = reading.await.unwrap_or_else(|error| Err(Refusal::internal(error)));
            let stored = storing.await.map_err(Refusal::internal).and_then(|stored| stored.map_err(Refusal::from));
            // What the store refused matters more than why reading ended.
            let _ = ended.send(stored.map(|_| ()).and(read));
        }
        .in_current_span(),
    );
    let app = app.clone();
    tokio::spawn(
        async move {
            acknowledge(&app, outcomes, end, &answers, wait).await;
            drop(permit);
        }
        .in_current_span(),
    );
    Ok(answer_body)
}

/// Reads lines and hands documents over.
struct Reader {
    app: App,
    documents: mpsc::Sender<Item>,
    settled: mpsc::UnboundedSender<Settled>,
    answers: Arc<Answers>,
}

impl Reader {
    async fn run(self, mut body: Body) -> Result<(), Refusal> {
        let limits = &self.app.config.limits;
        let bytes = Arc::new(Semaphore::new(IN_FLIGHT_BYTES));
        let mut stop = self.app.stop.clone();
        let mut splitter = Splitter::new(limits.line_bytes);
        loop {
            let piece = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Err(Refusal::shutting_down()),
                () = self.answers.closed() => return Ok(()),
                piece = read::piece(&mut body, limits) => piece?,
            };
            let Some(piece) = piece else { break };
            splitter.push(&piece);
            while let Some(line) = splitter.next() {
                self.line(line, &bytes, limits.idle_time).await?;
            }
        }
        match splitter.last() {
            Some(line) => self.line(line, &bytes, limits.idle_time).await,
            None => Ok(()),
        }
    }

    /// Hands one line over, waiting for room as long as it takes: that is what slows a fast sender down.
    async fn line(&self, line: Line, bytes: &Arc<Semaphore>, patience: Duration) -> Result<(), Refusal> {
        let number = line.number;
        let length = line.text.as_ref().map_or(0, |text| text.len());
        let document = parse(line, self.app.config.limits.line_bytes);
        self.answers.reserve(patience).await?;
        match document {
            Ok(document) => {
                let permits = u32::try_from(length.min(IN_FLIGHT_BYTES)).unwrap_or(u32::MAX);
                let bytes = Arc::clone(bytes).acquire_many_owned(permits).await.map_err(Refusal::internal)?;
                let item = Item { name: format!("{number} {}", document.id), document, bytes };
                // The other side only goes away when the store has refused, which it says itself.
                self.documents.send(item).await.map_err(|_| Refusal::internal("the store stopped taking documents"))
            }
            Err((id, refusal)) => {
                let _ = self.settled.send(Settled::new(DocumentOutcome::failed(Some(number), id, &refusal), None));
                Ok(())
            }
        }
    }
}

fn parse(line: Line, most: usize) -> Result<Document, (Option<String>, Refusal)> {
    let Some(text) = line.text else {
        let message = format!("the line is longer than {most} bytes and was passed over");
        return Err((None, Refusal::new(Code::TooLarge, message)));
    };
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| (None, Refusal::new(Code::InvalidJson, format!("the line is not JSON: {error}"))))?;
    document::read(value)
}
