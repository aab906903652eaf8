//! What makes one family differ from another, as numbers and switches.

use serde::Serialize;

use crate::error::{Error, Result};

/// Tables are built for every position at once, so that an absurd length must not pass.
const LONGEST: usize = 131_072;
/// Room for the special tokens and some text.
const SHORTEST: usize = 8;

/// The shape of a model of another family than NeoBERT.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Family {
    /// As `config.json` has it: `bert`, `xlm-roberta`.
    pub(crate) model_type: String,
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    /// Inner width of the feed-forward part, of each half where it is gated.
    pub(crate) inner_size: usize,
    /// Most tokens of a sequence, special tokens included.
    pub(crate) max_length: usize,
    pub(crate) norm_eps: f64,
    pub(crate) positions: Positions,
    /// Rows of the embedding of token types, of which only the first is used; 0 for none.
    pub(crate) type_vocab_size: usize,
    /// Norms before attention and feed-forward, on a stream that is never normed itself, or after them.
    pub(crate) norm_first: bool,
    pub(crate) activation: Activation,
    /// Whether half of the feed-forward part's width gates the other.
    pub(crate) gated: bool,
    pub(crate) biases: Biases,
}

/// How a token knows where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Positions {
    /// By a learned vector for each of `rows` positions, the first token having number `first`.
    Learned { rows: usize, first: usize },
    /// By turning queries and keys.
    Rotary(Vec<Reach>),
}

/// A layer's positions and how far its attention reaches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Reach {
    /// Base of the rotary frequencies.
    pub(crate) theta: f32,
    /// Tokens to either side that a token sees; all without.
    pub(crate) window: Option<usize>,
}

/// Which parts add a learned constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Biases {
    pub(crate) qkv: bool,
    pub(crate) attention_output: bool,
    pub(crate) ffn_input: bool,
    pub(crate) ffn_output: bool,
    pub(crate) norm: bool,
}

impl Biases {
    pub(crate) const ALL: Self =
        Self { qkv: true, attention_output: true, ffn_input: true, ffn_output: true, norm: true };
}

/// What is between the two products of the feed-forward part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Activation {
    Gelu,
    /// By the hyperbolic tangent.
    GeluTanh,
    Silu,
    Relu,
}

impl Activation {
    /// By the name that `config.json` gives it.
    pub(crate) fn named(field: &'static str, name: &str) -> Result<Self> {
        match name {
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Self::GeluTanh),
            "silu" | "swish" => Ok(Self::Silu),
            "relu" => Ok(Self::Relu),
            other => Err(Error::Config {
                field,
                reason: format!("is `{other}`; only gelu, gelu_new, gelu_pytorch_tanh, silu and relu are read"),
            }),
        }
    }
}

impl Family {
    pub(crate) fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads.max(1)
    }

    /// The rotary base of a layer and how far it reaches.
    pub(crate) fn reach(&self, layer: usize) -> Option<Reach> {
        match &self.positions {
            Positions::Learned { .. } => None,
            Positions::Rotary(layers) => layers.get(layer).copied(),
        }
    }

    /// Checks that the numbers can be those of a model.
    pub(crate) fn validate(&self) -> Result<()> {
        let fail = |field, reason: String| Err(Error::Config { field, reason });
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.inner_size),
        ] {
            if value == 0 || u32::try_from(value).is_err() {
                return fail(field, format!("is {value}, out of range"));
            }
        }
        let even = !matches!(self.positions, Positions::Rotary(_)) || self.head_dim().is_multiple_of(2);
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) || !even {
            let (heads, hidden) = (self.num_attention_heads, self.hidden_size);
            return fail(
                "num_attention_heads",
                format!("is {heads}, which does not cut hidden_size {hidden} into heads"),
            );
        }
        if !(SHORTEST..=LONGEST).contains(&self.max_length) {
            let length = self.max_length;
            return fail("max_position_embeddings", format!("leaves {length} tokens, outside {SHORTEST} to {LONGEST}"));
        }
        if !(self.norm_eps >= 0.0 && self.norm_eps < 1.0) {
            return fail("layer_norm_eps", format!("is {}, outside 0 to 1", self.norm_eps));
        }
        let reaches = match &self.positions {
            Positions::Rotary(layers) => layers.as_slice(),
            Positions::Learned { .. } => &[],
        };
        if let Some(reach) = reaches.iter().find(|reach| !(reach.theta > 1.0 && reach.theta.is_finite())) {
            return fail("rope_theta", format!("is {}, not above 1", reach.theta));
        }
        Ok(())
    }
}
