//! What a training step costs at least, in floating-point operations: the numerator of the share of a device that is put to use.

use neodex_encoder::NeoBertConfig;

/// The size of a step or of a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Tokens that go through the blocks, padding left out.
    pub tokens: f64,
    /// Pairs of tokens that see each other: the sum of the squares of the sequences' lengths.
    pub pairs: f64,
    /// Tokens that are predicted over the vocabulary.
    pub predicted: f64,
}

impl Work {
    /// Of sequences of these lengths, of whose tokens `predicted` are predicted.
    pub fn of(lengths: impl IntoIterator<Item = usize>, predicted: usize) -> Self {
        let mut work = Self { predicted: predicted as f64, ..Self::default() };
        for length in lengths {
            let length = length as f64;
            work.tokens += length;
            work.pairs += length * length;
        }
        work
    }

    /// Two parts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            pairs: self.pairs + other.pairs,
            predicted: self.predicted + other.predicted,
        }
    }

    /// Operations forwards and backwards, none for what is computed twice: six per weight and token in the products, as many per pair
    /// and width in each of attention's two, and the head's on predicted tokens alone.
    #[must_use]
    pub fn flops(&self, config: &NeoBertConfig) -> f64 {
        let (d, inner) = (config.hidden_size as f64, config.inner_size() as f64);
        let products = 2.0 * (4.0 * d * d + 3.0 * d * inner) * self.tokens;
        let attention = 4.0 * d * self.pairs;
        let head = 2.0 * d * config.vocab_size as f64 * self.predicted;
        3.0 * (config.num_hidden_layers as f64 * (products + attention) + head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_released_shape_costs_what_its_weights_say() {
        let config = NeoBertConfig::default();
        let work = Work::of([1024, 1024], 400);
        // 198 million weights in products, six operations each, and 12 * layers * d * length for attention.
        let products = 6.0 * 198_180_864.0 * 2048.0;
        let attention = 12.0 * 28.0 * 768.0 * 2.0 * 1024.0 * 1024.0;
        let head = 6.0 * 768.0 * 30_522.0 * 400.0;
        assert!((work.flops(&config) / (products + attention + head) - 1.0).abs() < 1e-12);
        assert_eq!(Work::of([1024], 100).and(Work::of([1024], 300)), work);
    }
}
