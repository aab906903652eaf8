//! A group of transactions on their way to the disk together: one batch, one flush, one sync for all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::engine::Engine;
use crate::error::{Error, Result, panic_message};
use crate::numbers::Numbers;
use crate::overlay::Overlay;
use crate::sequence::Sequence;
use crate::submission::Job;
use crate::transaction::{AfterDurable, Transaction};

/// A group takes no more transactions once it has this many bytes: sled blocks all readers while it applies a batch.
const GROUP_BYTES: usize = 4 << 20;

/// Transactions that have run and are not written yet.
pub(crate) struct Group<'e> {
    engine: &'e Engine,
    changes: Overlay,
    numbers: Numbers,
    after_durable: Vec<(Sequence, AfterDurable)>,
    ran: Vec<(Box<dyn Job>, Sequence)>,
    kept: usize,
}

impl<'e> Group<'e> {
    /// The group after the transaction that `numbers` belong to.
    pub(crate) fn begin(engine: &'e Engine, numbers: &Numbers) -> Self {
        Self {
            engine,
            changes: Overlay::default(),
            numbers: numbers.clone(),
            after_durable: Vec::new(),
            ran: Vec::new(),
            kept: 0,
        }
    }

    /// Whether the group should be written now.
    pub(crate) fn is_full(&self) -> bool {
        self.changes.bytes() >= GROUP_BYTES
    }

    /// Runs a transaction's closure; unless it succeeds, nothing of it stays.
    pub(crate) fn run(&mut self, mut job: Box<dyn Job>) {
        if let Err(poisoned) = self.engine.poison.check() {
            job.release(Err(poisoned));
            return;
        }
        let mut transaction = Transaction::begin(self.engine, &self.changes, &self.numbers);
        let sequence = transaction.sequence();
        let succeeded = job.run(&mut transaction);
        let changes = transaction.into_changes();
        if succeeded {
            self.kept += 1;
            self.changes.absorb(changes.overlay);
            self.numbers = changes.numbers;
            let callbacks = changes.after_durable.into_iter();
            self.after_durable.extend(callbacks.map(|callback| (sequence, callback)));
        }
        self.ran.push((job, sequence));
    }

    /// Makes the group durable, runs what was to run after that, and releases everyone who waits.
    pub(crate) fn finish(mut self, numbers: &mut Numbers) {
        let written = self.write(numbers);
        if written.is_ok() {
            for (sequence, callback) in std::mem::take(&mut self.after_durable) {
                call(self.engine, sequence, callback);
            }
        }
        for (job, sequence) in self.ran {
            job.release(match &written {
                Ok(()) => Ok(sequence),
                Err((step, reason)) => Err(Error::WriteFailed { step, reason: reason.clone() }),
            });
        }
    }

    /// Writes the group; the step that failed and why.
    fn write(&mut self, numbers: &mut Numbers) -> Result<(), (&'static str, String)> {
        if self.kept == 0 {
            return Ok(());
        }
        let mut changes = std::mem::take(&mut self.changes);
        let outcome =
            self.write_numbers(&mut changes, numbers).and_then(|()| self.engine.write(changes, &self.numbers));
        match outcome {
            Ok(()) => {
                *numbers = std::mem::take(&mut self.numbers);
                Ok(())
            }
            Err(Error::WriteFailed { step, reason }) => Err((step, reason)),
            Err(other) => Err(("prepare a batch", other.to_string())),
        }
    }

    /// Adds the numbers that changed to the rows that changed them.
    fn write_numbers(&self, changes: &mut Overlay, earlier: &Numbers) -> Result<()> {
        for (key, value) in self.numbers.rows_since(earlier)? {
            changes.set(key, Some(value));
        }
        Ok(())
    }
}

/// Runs a callback. What it keeps in step with the store (an index) is out of step after a panic, so writing ends.
fn call(engine: &Engine, sequence: Sequence, callback: AfterDurable) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback(sequence))) {
        engine
            .poison
            .set(format!("what was to run after transaction {sequence} panicked: {}", panic_message(panic.as_ref())));
    }
}
