//! A closure on its way to the commit thread, and its outcome on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::{Error, Result, panic_message};
use crate::sequence::Sequence;
use crate::transaction::Transaction;

/// The outcome of a transaction that is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// The transaction's number.
    pub sequence: Sequence,
    /// What the closure returned.
    pub value: T,
}

/// A transaction that was accepted and whose outcome is not known yet. Dropping it does not take the transaction back.
#[derive(Debug)]
pub struct Pending<T, E> {
    outcome: Receiver<Result<Committed<T>, E>>,
}

impl<T, E: From<Error>> Pending<T, E> {
    /// Whether [`wait`](Self::wait) would return at once.
    pub fn is_ready(&self) -> bool {
        !self.outcome.is_empty()
    }

    /// Waits until the transaction is on the disk, or has failed.
    ///
    /// # Errors
    /// The closure's own; otherwise those of [`Store::commit`](crate::Store::commit).
    pub fn wait(self) -> Result<Committed<T>, E> {
        self.outcome
            .recv()
            .unwrap_or_else(|_| Err(E::from(Error::Internal { reason: "the commit thread has gone".to_owned() })))
    }
}

/// What the commit thread knows of a submission: the types of its outcome are the submitter's affair.
pub(crate) trait Job: Send {
    /// Runs the closure; whether its changes are to be kept.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> bool;

    /// Hands out the outcome: the closure's own error where it had one, else what became of the group.
    fn release(self: Box<Self>, group: Result<Sequence>);
}

/// A closure, then what it returned.
struct Submission<T, E, F> {
    closure: Option<F>,
    returned: Option<Result<T, E>>,
    outcome: Sender<Result<Committed<T>, E>>,
}

/// Splits a closure into the half that travels and the half that waits.
pub(crate) fn submission<T, E, F>(closure: F) -> (Box<dyn Job>, Pending<T, E>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send + 'static,
{
    let (sender, receiver) = bounded(1);
    let job = Submission { closure: Some(closure), returned: None, outcome: sender };
    (Box::new(job), Pending { outcome: receiver })
}

impl<T, E, F> Job for Submission<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnOnce(&mut Transaction<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> bool {
        let Some(closure) = self.closure.take() else {
            return false;
        };
        let returned = catch_unwind(AssertUnwindSafe(|| closure(transaction)));
        let returned = returned.unwrap_or_else(|panic| {
            let message = panic_message(panic.as_ref());
            Err(E::from(Error::Internal { reason: format!("a transaction panicked: {message}") }))
        });
        self.returned.insert(returned).is_ok()
    }

    fn release(self: Box<Self>, group: Result<Sequence>) {
        let outcome = match (self.returned, group) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(E::from(error)),
            (Some(Ok(value)), Ok(sequence)) => Ok(Committed { sequence, value }),
            (None, Ok(_)) => {
                Err(E::from(Error::Internal { reason: "a transaction was released before it ran".to_owned() }))
            }
        };
        // Whoever does not wait does not want to know.
        let _ = self.outcome.send(outcome);
    }
}
