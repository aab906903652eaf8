//! Where a run was when its checkpoint was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::random::Random;
use crate::run::Phase;

/// The number of this layout; another one is refused by name.
pub(super) const FORMAT: u32 = 1;

/// All of a run that is not a tensor. Together with the tensors it determines every step that follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What was being trained.
    pub phase: Phase,
    /// [`crate::Recipe::fingerprint`] of the phase.
    pub recipe: String,
    /// The stage, counted from 0.
    pub stage: usize,
    /// Optimizer steps done in the phase, all stages together; the schedule's position.
    pub step: u64,
    /// Tokens seen in the phase.
    pub tokens: u64,
    /// The generator that goes on.
    pub random: Random,
    /// Where the data is to be read on, in the data's own words.
    pub cursor: Value,
    /// What else the trainer wants back, such as the lowest loss so far.
    #[serde(default)]
    pub extra: Value,
}

/// `state.json`: the state, and what the other files must be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) state: State,
    pub(super) files: BTreeMap<String, Written>,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) blake3: String,
}
