//! Documents into the database: the few of a JSON body, or the many of a stream.

mod acknowledge;
mod answers;
pub(crate) mod batch;
pub(crate) mod stream;

use std::sync::Arc;

use neodex::Stored;
use tokio::sync::OwnedSemaphorePermit;

use crate::refusal::{Code, Refusal};
use crate::state::App;
use crate::wire::document::{DocumentOutcome, Status};

/// A place among the ingests that may run at once.
///
/// # Errors
/// 429 when there is none, 503 when the server is stopping.
fn admit(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::shutting_down());
    }
    let full = |_| Refusal::overloaded("as many ingests as this server takes are running", 2);
    Arc::clone(&app.ingests).try_acquire_owned().map_err(full)
}

/// What the library says of a document, as it is written.
fn outcome(line: Option<u64>, id: &str, stored: Result<Stored, &str>) -> DocumentOutcome {
    match stored {
        Ok(stored) => DocumentOutcome { line, id: Some(id.to_owned()), status: Status::from(stored), error: None },
        Err(reason) => DocumentOutcome::failed(line, Some(id.to_owned()), &Refusal::new(Code::InvalidDocument, reason)),
    }
}
