//! Which tokens are hidden, and behind what.

use crate::random::Random;

/// How hidden tokens are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// All by `[MASK]` (NeoBERT).
    Mask,
    /// 80 % by `[MASK]`, 10 % by a random token, 10 % by themselves (BERT).
    Mixed {
        /// Random tokens are drawn from the ids from here on.
        first: u32,
        /// Ids of the vocabulary.
        vocab_size: u32,
    },
}

/// What was hidden in a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Where, in rows of the batch.
    pub positions: Vec<u32>,
    /// What stood there.
    pub labels: Vec<u32>,
}

/// Hides each of `ids` on its own with probability `probability` and adds what it hid to `hidden`; `offset` is the position of the first id.
/// At least one token is hidden, so that no text is read for nothing.
pub fn mask(
    ids: &mut [u32],
    offset: u32,
    probability: f64,
    mask_id: u32,
    replacement: Replacement,
    random: &mut Random,
    hidden: &mut Hidden,
) {
    let certain = random.below(ids.len());
    let before = hidden.positions.len();
    for pass in 0..2 {
        for (at, id) in ids.iter_mut().enumerate() {
            let hides = match pass {
                0 => random.chance(probability),
                _ => at == certain,
            };
            if !hides {
                continue;
            }
            hidden.positions.push(offset + at as u32);
            hidden.labels.push(*id);
            *id = match replacement {
                Replacement::Mask => mask_id,
                Replacement::Mixed { first, vocab_size } => match random.unit() {
                    draw if draw < 0.8 => mask_id,
                    draw if draw < 0.9 => first + random.below(vocab_size.saturating_sub(first) as usize) as u32,
                    _ => *id,
                },
            };
        }
        if hidden.positions.len() > before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    fn run(replacement: Replacement, probability: f64) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let mut ids: Vec<u32> = (100..20_100).collect();
        let mut hidden = Hidden::default();
        mask(&mut ids, 7, probability, 4, replacement, &mut Random::new(1), &mut hidden);
        (ids, hidden.positions, hidden.labels)
    }

    #[test]
    fn a_fifth_is_hidden_and_all_of_it_behind_the_mask() {
        let (ids, positions, labels) = run(Replacement::Mask, 0.2);
        assert!((3_800..4_200).contains(&positions.len()), "{}", positions.len());
        for (position, label) in positions.iter().zip(labels) {
            assert_eq!(label, position - 7 + 100);
            assert_eq!(ids[*position as usize - 7], 4);
        }
        assert_eq!(ids.iter().filter(|id| **id == 4).count(), positions.len());
    }

    #[test]
    fn berts_mixture_has_its_shares() {
        let (ids, positions, labels) = run(Replacement::Mixed { first: 100, vocab_size: 20_100 }, 0.15);
        let at = |position: &u32| ids[*position as usize - 7];
        let share = |count: usize| count as f64 / positions.len() as f64;
        let masked = share(positions.iter().filter(|p| at(p) == 4).count());
        let kept = share(positions.iter().zip(&labels).filter(|(p, label)| at(p) == **label).count());
        assert!((masked - 0.8).abs() < 0.03 && (kept - 0.1).abs() < 0.03, "{masked} {kept}");
    }

    #[test]
    fn something_is_always_hidden() {
        let (_, positions, _) = run(Replacement::Mask, 0.0);
        assert_eq!(positions.len(), 1);
    }
}
