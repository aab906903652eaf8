//! The answer to a stream while it is being written: lines that the client has not read yet, and no more than so many of them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::Frame;
use neodex::Stored;
use tokio::sync::{Semaphore, mpsc};

use crate::refusal::{Code, Refusal};
use crate::wire::document::DocumentOutcome;

/// A line that is settled.
pub(crate) struct Settled {
    pub(crate) outcome: DocumentOutcome,
    pub(crate) stored: Option<Stored>,
}

impl Settled {
    pub(crate) fn new(outcome: DocumentOutcome, stored: Option<Stored>) -> Self {
        Self { outcome, stored }
    }
}

/// The writing end of the answer.
pub(crate) struct Answers {
    room: Semaphore,
    lines: mpsc::UnboundedSender<Bytes>,
    reader_gone: Semaphore,
}

impl Answers {
    /// Both ends, with room for so many lines.
    pub(crate) fn new(most_lines: usize) -> (Arc<Self>, Body) {
        let (lines, pieces) = mpsc::unbounded_channel();
        let answers = Arc::new(Self { room: Semaphore::new(most_lines), lines, reader_gone: Semaphore::new(0) });
        let reader = Reader { answers: Arc::downgrade(&answers), pieces };
        (answers, Body::new(reader))
    }

    /// Takes room for the answer to one line, before the line is handed over. It comes back when the client has read that answer.
    ///
    /// # Errors
    /// 408 when the client does not read for longer than `patience`.
    pub(crate) async fn reserve(&self, patience: Duration) -> Result<(), Refusal> {
        match tokio::time::timeout(patience, self.room.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            // The client has gone; the end of reading follows.
            Ok(Err(_)) => Ok(()),
            Err(_) => {
                let message =
                    "the answers are not read: read them while sending, or send fewer documents in one stream";
                Err(Refusal::new(Code::Timeout, message))
            }
        }
    }

    /// Sends lines.
    pub(crate) fn send(&self, lines: Vec<u8>) {
        // A client that has gone is noticed by `closed`.
        let _ = self.lines.send(Bytes::from(lines));
    }

    /// Waits until the client has gone.
    pub(crate) async fn closed(&self) {
        let _ = self.reader_gone.acquire().await;
    }
}

/// The reading end.
struct Reader {
    answers: std::sync::Weak<Answers>,
    pieces: mpsc::UnboundedReceiver<Bytes>,
}

impl HttpBody for Reader {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        if let (Some(piece), Some(answers)) = (&piece, self.answers.upgrade()) {
            answers.room.add_permits(piece.iter().filter(|&&byte| byte == b'\n').count());
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(answers) = self.answers.upgrade() {
            answers.room.close();
            answers.reader_gone.close();
        }
    }
}
