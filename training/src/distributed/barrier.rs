//! A barrier that lets go of the waiting when a member is gone, where the standard library's would wait for ever.

use std::sync::{Condvar, Mutex, PoisonError};

/// Where `world` threads wait for each other, again and again.
#[derive(Debug)]
pub(super) struct Barrier {
    world: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    round: u64,
    left: bool,
}

impl Barrier {
    pub(super) fn new(world: usize) -> Self {
        Self { world, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for all members; false where one has left.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.left {
            return false;
        }
        state.waiting += 1;
        if state.waiting == self.world {
            state.waiting = 0;
            state.round += 1;
            self.changed.notify_all();
            return true;
        }
        let round = state.round;
        while state.round == round && !state.left {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Who left after the round was complete has not broken it.
        state.round != round
    }

    /// A member will not come again.
    pub(super) fn leave(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).left = true;
        self.changed.notify_all();
    }
}
