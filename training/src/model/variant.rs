//! What NeoBERT's blocks were measured against: the parts of BERT that its paper replaced. A model with any of them is trained and
//! measured here; the product's encoder knows NeoBERT alone and refuses its folder by name.

use serde::{Deserialize, Serialize};

/// How a token knows where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Positions {
    /// By rotated queries and keys (Su et al. 2021).
    #[default]
    Rope,
    /// By a learned vector added to its own.
    Learned,
}

/// What stands before attention, the feed-forward part and the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// RMSNorm (Zhang & Sennrich 2019).
    #[default]
    Rms,
    /// LayerNorm (Ba et al. 2016), with a bias.
    Layer,
}

/// What is between the two products of the feed-forward part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// A gated product (Shazeer 2020); two thirds of the nominal width, for as many weights.
    #[default]
    Swiglu,
    /// GELU (Hendrycks & Gimpel 2016), exactly, over the whole nominal width.
    Gelu,
}

/// The parts of a model that need not be NeoBERT's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Variant {
    /// How a token knows where it stands.
    pub positions: Positions,
    /// What norms.
    pub norm: NormKind,
    /// What is between the products.
    pub activation: Activation,
}

impl Variant {
    /// Whether it is NeoBERT's own choice of everything.
    #[must_use]
    pub fn is_neobert(self) -> bool {
        self == Self::default()
    }
}
