//! What the language-model head says of a token that is hidden: each position masked alone, as pseudo-perplexity wants it.

use crate::backend::Sequence;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::states::States;

/// What a model made of one hidden token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// Natural logarithm of the chance it gave the token that was there.
    pub log_probability: f64,
    /// Whether no other token got a higher chance.
    pub first: bool,
}

impl Encoder {
    /// Whether the model came with its language-model head; models saved for embedding mostly did not.
    #[must_use]
    pub fn has_language_model_head(&self) -> bool {
        let hidden = self.info().hidden_size;
        self.backend().logits(&States::new(vec![0.0; hidden], hidden)).is_ok()
    }

    /// Masks each of `positions` of `ids` alone and asks for the token that was there. `ids` hold their special tokens already. Only the
    /// state of the masked token leaves the model, so that a batch costs no more memory than its sequences.
    ///
    /// # Errors
    /// [`Error::NoLanguageModelHead`], [`Error::Tokenizer`] where there is no mask token, [`Error::TooLong`], [`Error::TokenOutOfRange`],
    /// [`Error::Compute`]. A position past the end of `ids` is left out.
    pub fn guess(&self, ids: &[u32], positions: &[usize]) -> Result<Vec<Guess>> {
        let mask = self.tokenizer().mask().ok_or_else(|| Error::Tokenizer {
            reason: "it has no mask token, such as [MASK], to hide a token with".to_owned(),
        })?;
        let hidden: Vec<(usize, u32)> =
            positions.iter().filter_map(|&position| Some((position, *ids.get(position)?))).collect();
        let sequence = |number: usize| {
            let mut ids = ids.to_vec();
            let position = hidden.get(number).map_or(0, |&(position, _)| position);
            if let Some(id) = ids.get_mut(position) {
                *id = mask;
            }
            let alone = position..position + 1;
            Sequence { ids, spans: vec![alone] }
        };
        let states = self.lanes().run(&vec![ids.len(); hidden.len()], sequence)?;
        let width = self.info().hidden_size;
        let states: Vec<f32> = states.into_iter().flatten().flatten().collect();
        let logits = self.backend().logits(&States::new(states, width))?;
        Ok(logits.rows().zip(&hidden).map(|(row, &(_, id))| of_row(row, id)).collect())
    }
}

fn of_row(logits: &[f32], id: u32) -> Guess {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
    let own = logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
    Guess { log_probability: f64::from(own - most) - sum.ln(), first: own >= most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_a_share_of_all() {
        let logits = [1.0_f32, 3.0, 2.0];
        let chances: Vec<Guess> = (0..3).map(|id| of_row(&logits, id)).collect();
        let total: f64 = chances.iter().map(|guess| guess.log_probability.exp()).sum();
        assert!((total - 1.0).abs() < 1e-9);
        assert_eq!(chances.iter().map(|guess| guess.first).collect::<Vec<_>>(), [false, true, false]);
        let softmax = 3.0_f64.exp() / (1.0_f64.exp() + 3.0_f64.exp() + 2.0_f64.exp());
        assert!(chances.get(1).is_some_and(|guess| (guess.log_probability - softmax.ln()).abs() < 1e-9));
    }
}
