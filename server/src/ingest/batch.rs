//! The documents of one JSON body.

use std::sync::{Arc, Mutex, PoisonError};

use neodex::Document;
use serde_json::Value;

use crate::ingest::{admit, outcome};
use crate::refusal::Refusal;
use crate::state::App;
use crate::wire::document::{self, DocumentOutcome, DocumentsAnswer, Status};
use crate::work;

/// Stores documents and says of each what became of it. With `wait` searches find them when this returns.
///
/// # Errors
/// When the store refuses; documents that cannot be stored are in the answer.
pub(crate) async fn store(app: &App, values: Vec<Value>, wait: bool) -> Result<DocumentsAnswer, Refusal> {
    let permit = admit(app)?;
    let db = app.db.clone();
    let outcomes = work::detached(move || {
        let _permit = permit;
        let (places, documents) = read(values);
        let places = Arc::new(Mutex::new(places));
        let told = Arc::clone(&places);
        let on_stored = move |name: &str, stored: Result<neodex::Stored, &str>| {
            let mut places = told.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((place, id)) = name.split_once(' ')
                && let Some(place) = place.parse::<usize>().ok().and_then(|place| places.get_mut(place))
            {
                *place = Some(outcome(None, id, stored));
            }
        };
        db.insert_each(documents, Arc::new(on_stored))?;
        if wait {
            db.flush()?;
        }
        let places = std::mem::take(&mut *places.lock().unwrap_or_else(PoisonError::into_inner));
        Ok::<_, Refusal>(places)
    })
    .await??;
    let mut answer = DocumentsAnswer::default();
    for outcome in outcomes {
        let Some(outcome) = outcome else { return Err(Refusal::internal("a document got no answer")) };
        app.metrics.stored(stored(outcome.status));
        match outcome.status {
            Status::Added => answer.added += 1,
            Status::Replaced => answer.replaced += 1,
            Status::Skipped => answer.skipped += 1,
            Status::Failed => answer.failed += 1,
        }
        answer.documents.push(outcome);
    }
    Ok(answer)
}

/// What could not be read in its place, and what could, named by its place and its id.
fn read(values: Vec<Value>) -> (Vec<Option<DocumentOutcome>>, Vec<(String, Document)>) {
    let mut documents = Vec::new();
    let places = values
        .into_iter()
        .enumerate()
        .map(|(place, value)| match document::read(value) {
            Ok(document) => {
                documents.push((format!("{place} {}", document.id), document));
                None
            }
            Err((id, refusal)) => Some(DocumentOutcome::failed(None, id, &refusal)),
        })
        .collect();
    (places, documents)
}

fn stored(status: Status) -> Option<neodex::Stored> {
    match status {
        Status::Added => Some(neodex::Stored::Added),
        Status::Replaced => Some(neodex::Stored::Replaced),
        Status::Skipped => Some(neodex::Stored::Skipped),
        Status::Failed => None,
    }
}
