//! MT19937 (Matsumoto & Nishimura 1998), seeded and used as NumPy's `RandomState` does it.
//!
//! MTEB chooses the training examples of a classification with it. Choosing the same ones makes our scores those of MTEB for the same
//! vectors, where any other generator would leave them a random sample's error apart.

/// Words of state.
const WORDS: usize = 624;
/// Distance of the word that is mixed in.
const MIDDLE: usize = 397;

/// The generator.
#[derive(Debug, Clone)]
pub(crate) struct MersenneTwister {
    state: Vec<u32>,
    next: usize,
}

impl MersenneTwister {
    /// `RandomState(seed)`.
    pub(crate) fn new(seed: u32) -> Self {
        let mut word = seed;
        let mut state = vec![word];
        for place in 1..WORDS as u32 {
            word = 1_812_433_253_u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(place);
            state.push(word);
        }
        Self { state, next: WORDS }
    }

    /// Puts the values in random order, as `RandomState.shuffle` does with a list.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            let other = self.up_to(last as u32);
            values.swap(last, other as usize);
        }
    }

    /// A number from 0 to `most`: the low bits of words, until they are not above it.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.word() & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }

    fn word(&mut self) -> u32 {
        if self.next >= WORDS {
            self.renew();
        }
        let mut word = self.state.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    fn renew(&mut self) {
        let at = |state: &[u32], place: usize| state.get(place % WORDS).copied().unwrap_or(0);
        for place in 0..WORDS {
            let mixed = (at(&self.state, place) & 0x8000_0000) | (at(&self.state, place + 1) & 0x7FFF_FFFF);
            let odd = if mixed & 1 == 1 { 0x9908_B0DF } else { 0 };
            let renewed = at(&self.state, place + MIDDLE) ^ (mixed >> 1) ^ odd;
            if let Some(word) = self.state.get_mut(place) {
                *word = renewed;
            }
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.RandomState(42).shuffle(list(range(10)))`, and the first words of seed 5489 that every port is checked against.
    #[test]
    fn it_draws_what_numpy_draws() {
        let mut values: Vec<usize> = (0..10).collect();
        MersenneTwister::new(42).shuffle(&mut values);
        assert_eq!(values, [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        let mut known = MersenneTwister::new(5489);
        assert_eq!([known.word(), known.word(), known.word()], [3_499_211_612, 581_869_302, 3_890_346_734]);
    }
}
