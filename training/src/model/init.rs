//! Where parameters start: at random as in the reference, or from a checkpoint.

use neodex_encoder::Weights;

use super::head::HEAD;
use crate::error::{Error, Result};
use crate::random::Random;

/// Half the width of the uniform distribution every matrix starts from (`decoder_init_range` of the reference).
const RANGE: f32 = 0.02;

/// A source of first values.
pub enum Initial<'a> {
    /// Uniform in ±0.02 for matrices, 1 for norms, 0 for biases.
    Random(&'a mut Random),
    /// The same with another half width.
    Uniform(&'a mut Random, f32),
    /// As stored, in any format that the encoder reads.
    Stored(Weights<'a>),
    /// As stored, but a language-model head drawn as by [`Initial::Uniform`].
    Headless(Weights<'a>, &'a mut Random, f32),
}

impl Initial<'_> {
    /// The values of the parameter `name`.
    ///
    /// # Errors
    /// [`Error::Weights`] where the file lacks the tensor or holds another shape.
    pub(super) fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let count = shape.iter().product();
        let drawn = |random: &mut Random, range: f32| match shape.len() {
            1 if name.ends_with("bias") => vec![0.0; count],
            1 => vec![1.0; count],
            _ => (0..count).map(|_| random.uniform(-range, range)).collect(),
        };
        match self {
            Self::Random(random) => Ok(drawn(random, RANGE)),
            Self::Uniform(random, range) => Ok(drawn(random, *range)),
            Self::Headless(_, random, range) if name.starts_with(HEAD) => Ok(drawn(random, *range)),
            Self::Stored(weights) | Self::Headless(weights, ..) => {
                let bare = name.strip_prefix("model.").unwrap_or(name);
                let fault =
                    |error: neodex_encoder::Error| Error::Weights { name: bare.to_owned(), reason: error.to_string() };
                weights.values(bare, shape).map_err(fault)
            }
        }
    }
}
