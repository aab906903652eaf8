//! Vectors to measure an index with, from a seed: the same on every machine, and shaped like an encoder's.
//!
//! An encoder's vectors lie neither evenly nor in plain clumps. These are a mixture of two levels: topics, and centres around them. Around its
//! centre a vector varies in a few directions of the centre's own, and a little in all; some lie between two centres, as texts about two
//! things do; all share a direction; and some dimensions vary more than others.
//!
//! The constants were searched for so that 14,000 of these vectors are to each other as are those that the bundled model makes of as many passages of
//! open text, of 100 words each. The mean cosine with the 1st, 10th, 100th and 1,000th neighbour, and with the one in the middle:
//! .62 .50 .37 .19 .02 of the passages, .62 .46 .39 .17 .02 of these. Of the variance, half is in 35 directions of the passages, in 30 of these; nine
//! tenths in 137 and 224: that is where they differ most.

/// Topics, and centres a vector may belong to.
const TOPICS: usize = 20;
const CENTRES: usize = 3_000;
/// Directions of its own that a centre's vectors vary in.
const DIRECTIONS: usize = 24;
/// Weights of what a centre is made of: its topic, a direction of its own, the direction all share.
const OF_TOPIC: f32 = 0.789;
const OF_CENTRE: f32 = 0.619;
const SHARED: f32 = 0.14;
/// How far vectors lie from their centre: in its directions, and in all.
const LOCAL: f32 = 0.855;
const NOISE: f32 = 0.35;
/// One vector in this many lies between two centres.
const BRIDGES: u64 = 10;
/// How much less each dimension varies than the one before: as a power of its place, from this place on.
const DECAY: f32 = -0.379;
const FIRST_PLACE: f32 = 4.0;

/// Makes vectors; the same number gives the same vector.
#[derive(Debug)]
pub(crate) struct Generator {
    dimension: usize,
    seed: u64,
    /// How much each dimension varies; the squares add up to 1.
    spread: Vec<f32>,
    centres: Vec<f32>,
    directions: Vec<f32>,
}

impl Generator {
    /// Vectors of `dimension` values.
    pub(crate) fn new(dimension: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut spread: Vec<f32> = (0..dimension).map(|place| (place as f32 + FIRST_PLACE).powf(DECAY)).collect();
        normalise(&mut spread);
        let mut direction =
            |weight: f32| -> Vec<f32> { spread.iter().map(|spread| weight * random.normal() * spread).collect() };
        let shared = direction(SHARED);
        let topics: Vec<Vec<f32>> = (0..TOPICS).map(|_| direction(OF_TOPIC)).collect();
        let mut centres = Vec::with_capacity(CENTRES * dimension);
        for number in 0..CENTRES {
            let own = direction(OF_CENTRE);
            let topic = &topics[number % TOPICS];
            let mut centre: Vec<f32> = (0..dimension).map(|i| shared[i] + topic[i] + own[i]).collect();
            normalise(&mut centre);
            centres.extend(centre);
        }
        let directions = (0..CENTRES * DIRECTIONS).flat_map(|_| direction(1.0)).collect();
        Self { dimension, seed, spread, centres, directions }
    }

    /// The vector of this number, of length 1.
    pub(crate) fn vector(&self, number: u64) -> Vec<f32> {
        let mut random = Random(self.seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93).wrapping_add(1));
        let dimension = self.dimension;
        let own = random.next() as usize % CENTRES;
        let mut vector = self.centre(own).to_vec();
        if random.next().is_multiple_of(BRIDGES) {
            let other = self.centre(random.next() as usize % CENTRES);
            vector.iter_mut().zip(other).for_each(|(value, other)| *value = 0.5 * (*value + other));
        }
        let weight = LOCAL / (DIRECTIONS as f32).sqrt();
        for direction in self.directions[own * DIRECTIONS * dimension..].chunks_exact(dimension).take(DIRECTIONS) {
            let along = weight * random.normal();
            vector.iter_mut().zip(direction).for_each(|(value, direction)| *value += along * direction);
        }
        vector.iter_mut().zip(&self.spread).for_each(|(value, spread)| *value += NOISE * random.normal() * spread);
        normalise(&mut vector);
        vector
    }

    fn centre(&self, number: usize) -> &[f32] {
        &self.centres[number * self.dimension..(number + 1) * self.dimension]
    }
}

fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// About normal, with mean 0 and variance 1: four evenly spread numbers added up.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u32 = (0..4).map(|part| (bits >> (16 * part)) as u32 & 0xffff).sum();
        // The variance of one is 1/12 of its range squared.
        (sum as f32 / 65_536.0 - 2.0) * 1.732_050_8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_vector() {
        let (one, two) = (Generator::new(48, 7), Generator::new(48, 7));
        let vector = one.vector(5);
        assert_eq!(vector, two.vector(5));
        assert_ne!(vector, one.vector(6));
        assert!((vector.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
