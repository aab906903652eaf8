//! The trainer's random numbers: xoshiro256++ (Blackman & Vigna 2018), seeded through splitmix64.
//!
//! Written out here because a checkpoint holds the generator's state and a resumed run must draw the very numbers the uninterrupted one
//! would have: the sequence may never change with a dependency, a machine or the number of threads.

use serde::{Deserialize, Serialize};

/// A generator; what it draws depends on nothing but its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The generator of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::keyed(seed, &[])
    }

    /// The generator of `seed` for one purpose: the same seed and key always give the same numbers, another key unrelated ones. For
    /// numbers that must not depend on how many were drawn before, such as the masks of step 12.
    #[must_use]
    pub fn keyed(seed: u64, key: &[u64]) -> Self {
        let mut mixer = SplitMix(seed);
        for part in key {
            mixer = SplitMix(mixer.next() ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03));
        }
        Self { state: [mixer.next(), mixer.next(), mixer.next(), mixer.next()] }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let drawn = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        drawn
    }

    /// A number from 0, inclusive, to 1, exclusive, in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` to `high`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        (f64::from(low) + (f64::from(high) - f64::from(low)) * self.unit()) as f32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A whole number below `bound`, every one as likely; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Lemire's method: the high half of a product, drawn again where the low half falls into the uneven rest.
        let bound = bound as u64;
        if bound == 0 {
            return 0;
        }
        let uneven = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= uneven {
                return (product >> 64) as usize;
            }
        }
    }

    /// The position of one of `weights`, each as likely as its share of their sum; the last where they sum to nothing.
    pub fn choose(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (position, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return position;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Puts `items` into a random order (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Steele, Lea & Flood 2014: turns any seed, however poor, into well-mixed states.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_sequences_are_the_published_ones() {
        let mut random = Random { state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..6).map(|_| random.next_u64()).collect();
        let published = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(drawn, published);
        let mut mixer = SplitMix(1_234_567);
        assert_eq!([mixer.next(), mixer.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn a_stored_state_goes_on_where_it_was() {
        let mut random = Random::new(3);
        random.next_u64();
        let stored = serde_json::to_string(&random).unwrap();
        let mut again: Random = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.next_u64(), random.next_u64());
    }

    #[test]
    fn keys_give_unrelated_numbers() {
        let first = |key: &[u64]| Random::keyed(1, key).next_u64();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        let all = [first(&[]), first(&[0]), first(&[1]), first(&[1, 2]), first(&[2, 1]), Random::new(2).next_u64()];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one));
        }
    }

    #[test]
    fn draws_are_even_and_in_range() {
        let mut random = Random::new(0);
        let (mut counts, mut hits, mut chosen) = ([0_u32; 5], 0, [0_u32; 3]);
        for _ in 0..20_000 {
            counts[random.below(5)] += 1;
            hits += u32::from(random.chance(0.2));
            chosen[random.choose(&[1.0, 0.0, 3.0])] += 1;
            let number = random.uniform(-0.02, 0.02);
            assert!((-0.02..=0.02).contains(&number));
        }
        assert!(counts.iter().all(|count| (3_800..4_200).contains(count)), "{counts:?}");
        assert!((3_800..4_200).contains(&hits) && chosen[1] == 0 && (4_750..5_250).contains(&chosen[0]));
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(9).shuffle(&mut items);
        assert!(items.iter().enumerate().filter(|(at, item)| at == *item).count() < 10);
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
