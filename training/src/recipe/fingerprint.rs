//! What a checkpoint says about the recipe it belongs to.
//!
//! A run may be continued with another interval between its log lines, but not with another seed, shape or mixture: the steps before and
//! after would belong to two different runs. So a checkpoint keeps a hash of exactly the keys its numbers depend on.

use serde_json::{Value, json};

use super::Recipe;
use crate::run::Phase;

impl Recipe {
    /// A hash of what the outcome of `phase` depends on, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self, phase: Phase) -> String {
        let of_phase = match phase {
            Phase::Pretrain => json!({"pretrain": self.pretrain, "schedule": self.schedule}),
            Phase::Contrastive => json!({"contrastive": self.contrastive}),
        };
        let of_run = json!({
            "seed": self.run.seed,
            "precision": self.run.precision,
            "heldout_documents": self.run.heldout_documents,
        });
        let all: Value = json!({
            "phase": phase,
            "model": self.model,
            "tokenizer": self.tokenizer,
            "optimizer": self.optimizer,
            "run": of_run,
            "of_phase": of_phase,
        });
        // Objects are kept in the order of their keys, so equal recipes give equal text.
        let hash = blake3::hash(all.to_string().as_bytes()).to_hex();
        hash.get(..16).unwrap_or_default().to_owned()
    }
}
