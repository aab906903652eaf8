//! Answers for the lines of a stream. With `wait` an answer also says that searches find the document: answers are gathered while the
//! indexes catch up, so many share one commit.

use tokio::sync::{mpsc, oneshot};

use crate::ingest::answers::{Answers, Settled};
use crate::refusal::Refusal;
use crate::state::App;
use crate::work;

/// Answers written at once.
const MOST: usize = 4_096;

/// Writes answers until everything is settled, and at last why reading ended early, if it did.
pub(crate) async fn acknowledge(
    app: &App,
    mut outcomes: mpsc::UnboundedReceiver<Settled>,
    end: oneshot::Receiver<Result<(), Refusal>>,
    answers: &Answers,
    wait: bool,
) {
    let mut ready = Vec::new();
    let mut trouble = None;
    while outcomes.recv_many(&mut ready, MOST).await > 0 {
        if wait && ready.iter().any(|settled| settled.stored.is_some()) {
            let db = app.db.clone();
            let flushed = work::detached(move || db.flush().map_err(Refusal::from)).await.and_then(|done| done);
            if let Err(refusal) = flushed {
                // Durable but not searchable is not what was promised: these lines get no answer.
                trouble.get_or_insert(refusal);
                ready.clear();
                continue;
            }
        }
        let mut lines = Vec::with_capacity(ready.len() * 64);
        for settled in ready.drain(..) {
            app.metrics.stored(settled.stored);
            if serde_json::to_writer(&mut lines, &settled.outcome).is_ok() {
                lines.push(b'\n');
            }
        }
        answers.send(lines);
    }
    let ended = end.await.unwrap_or_else(|_| Err(Refusal::internal("a stream ended without saying how")));
    if let Some(refusal) = ended.err().or(trouble)
        && let Ok(mut line) = serde_json::to_vec(&refusal.body())
    {
        line.push(b'\n');
        answers.send(line);
    }
}
