//! What the parent knows: the acknowledged state of every document, and what was under way when the child died.

use std::collections::BTreeMap;

/// What each id may be: its acknowledged state, and those that were under way. One thread writes an id, so there is at most one of them;
/// but a batch is one operation over several ids.
#[derive(Default, Clone)]
pub(crate) struct Known {
    pub(crate) acknowledged: Option<String>,
    pub(crate) tried: Vec<Option<String>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) documents: BTreeMap<String, Known>,
    pub(crate) acknowledged: u64,
    /// Snapshots that were acknowledged since the last check.
    pub(crate) snapshots: Vec<String>,
}

impl Model {
    /// Takes a line of the child's: a mark (`?` about to be tried, `!` acknowledged), a sign, an id, and the text where there is one.
    pub(crate) fn hear(&mut self, line: &str) {
        let mut parts = line.splitn(4, ' ');
        let (Some(mark), Some(sign), Some(id)) = (parts.next(), parts.next(), parts.next()) else { return };
        let text = parts.next().unwrap_or_default().to_owned();
        let state = match sign {
            "+" => Some(text),
            "-" => None,
            "snapshot" => {
                self.acknowledged += 1;
                return self.snapshots.push(id.to_owned());
            }
            _ => return,
        };
        let known = self.documents.entry(id.to_owned()).or_default();
        match mark {
            "?" => known.tried.push(state),
            "!" => {
                self.acknowledged += 1;
                *known = Known { acknowledged: state, tried: Vec::new() };
            }
            _ => {}
        }
    }

    /// Begins afresh with an empty database.
    pub(crate) fn forget(&mut self) {
        self.documents.clear();
        self.snapshots.clear();
    }
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}
