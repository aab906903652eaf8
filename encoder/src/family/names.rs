//! What each family calls its tensors, and their shapes.

use super::config::{Family, Positions};

/// A matrix `(rows, width)` with a constant for each row, or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linear {
    pub(crate) name: String,
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) bias: bool,
}

/// A norm's weight and bias, or its weight alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Norm {
    pub(crate) name: String,
    pub(crate) bias: bool,
}

/// The tensors of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// One matrix of queries, keys and values, one below the other, or three.
    pub(crate) qkv: Vec<Linear>,
    pub(crate) attention_output: Linear,
    /// `None` where a first layer has none.
    pub(crate) attention_norm: Option<Norm>,
    /// The way in; where it is gated, what is let through the activation first, then its factor, as one matrix or two.
    pub(crate) ffn_input: Vec<Linear>,
    pub(crate) ffn_output: Linear,
    pub(crate) ffn_norm: Norm,
}

/// Which of the ways to name things a family follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Bert,
    DistilBert,
    Nomic,
    Modern,
}

impl Family {
    fn words(&self) -> Words {
        match self.model_type.as_str() {
            "distilbert" => Words::DistilBert,
            "nomic_bert" => Words::Nomic,
            "modernbert" => Words::Modern,
            _ => Words::Bert,
        }
    }

    /// The matrix with a row for each token id.
    pub(crate) fn embedding(&self) -> Linear {
        let name = match self.words() {
            Words::Modern => "embeddings.tok_embeddings",
            _ => "embeddings.word_embeddings",
        };
        table(name, self.vocab_size, self.hidden_size)
    }

    /// The matrix with a row for each position.
    pub(crate) fn position_embedding(&self) -> Option<Linear> {
        match self.positions {
            Positions::Learned { rows, .. } => Some(table("embeddings.position_embeddings", rows, self.hidden_size)),
            Positions::Rotary(_) => None,
        }
    }

    /// The matrix with a row for each type of token.
    pub(crate) fn type_embedding(&self) -> Option<Linear> {
        let name = "embeddings.token_type_embeddings";
        (self.type_vocab_size > 0).then(|| table(name, self.type_vocab_size, self.hidden_size))
    }

    /// The norm behind the embeddings.
    pub(crate) fn embedding_norm(&self) -> Norm {
        self.norm(match self.words() {
            Words::Bert | Words::DistilBert => "embeddings.LayerNorm",
            Words::Nomic => "emb_ln",
            Words::Modern => "embeddings.norm",
        })
    }

    /// The norm behind the last layer.
    pub(crate) fn last_norm(&self) -> Option<Norm> {
        self.norm_first.then(|| self.norm("final_norm"))
    }

    fn norm(&self, name: impl Into<String>) -> Norm {
        Norm { name: name.into(), bias: self.biases.norm }
    }

    /// The tensors of layer number `index`.
    pub(crate) fn layer(&self, index: usize) -> Layer {
        let (hidden, inner, biases) = (self.hidden_size, self.inner_size, self.biases);
        let prefix = match self.words() {
            Words::Bert => format!("encoder.layer.{index}"),
            Words::DistilBert => format!("transformer.layer.{index}"),
            Words::Nomic => format!("encoder.layers.{index}"),
            Words::Modern => format!("layers.{index}"),
        };
        let linear = |name: &str, rows, width, bias| Linear { name: format!("{prefix}.{name}"), rows, width, bias };
        let square = |name: &str| linear(name, hidden, hidden, biases.qkv);
        let norm = |name: &str| self.norm(format!("{prefix}.{name}"));
        let output = |name: &str| linear(name, hidden, hidden, biases.attention_output);
        let way_out = |name: &str| linear(name, hidden, inner, biases.ffn_output);
        let way_in = |name: &str, rows| linear(name, rows, hidden, biases.ffn_input);
        match self.words() {
            Words::Bert => Layer {
                qkv: ["query", "key", "value"].map(|part| square(&format!("attention.self.{part}"))).into(),
                attention_output: output("attention.output.dense"),
                attention_norm: Some(norm("attention.output.LayerNorm")),
                ffn_input: vec![way_in("intermediate.dense", inner)],
                ffn_output: way_out("output.dense"),
                ffn_norm: norm("output.LayerNorm"),
            },
            Words::DistilBert => Layer {
                qkv: ["q_lin", "k_lin", "v_lin"].map(|part| square(&format!("attention.{part}"))).into(),
                attention_output: output("attention.out_lin"),
                attention_norm: Some(norm("sa_layer_norm")),
                ffn_input: vec![way_in("ffn.lin1", inner)],
                ffn_output: way_out("ffn.lin2"),
                ffn_norm: norm("output_layer_norm"),
            },
            Words::Nomic => Layer {
                qkv: vec![linear("attn.Wqkv", 3 * hidden, hidden, biases.qkv)],
                attention_output: output("attn.out_proj"),
                attention_norm: Some(norm("norm1")),
                ffn_input: vec![way_in("mlp.fc12", inner), way_in("mlp.fc11", inner)],
                ffn_output: way_out("mlp.fc2"),
                ffn_norm: norm("norm2"),
            },
            Words::Modern => Layer {
                qkv: vec![linear("attn.Wqkv", 3 * hidden, hidden, biases.qkv)],
                attention_output: output("attn.Wo"),
                attention_norm: (index > 0).then(|| norm("attn_norm")),
                ffn_input: vec![way_in("mlp.Wi", 2 * inner)],
                ffn_output: way_out("mlp.Wo"),
                ffn_norm: norm("mlp_norm"),
            },
        }
    }

    /// Names and shapes of all tensors.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut all = Vec::new();
        let norm = |all: &mut Vec<_>, norm: Norm| {
            all.push((format!("{}.weight", norm.name), vec![self.hidden_size]));
            all.extend(norm.bias.then(|| (format!("{}.bias", norm.name), vec![self.hidden_size])));
        };
        let linear = |all: &mut Vec<_>, linear: Linear| {
            all.push((format!("{}.weight", linear.name), vec![linear.rows, linear.width]));
            all.extend(linear.bias.then(|| (format!("{}.bias", linear.name), vec![linear.rows])));
        };
        for table in [Some(self.embedding()), self.position_embedding(), self.type_embedding()] {
            table.into_iter().for_each(|table| linear(&mut all, table));
        }
        norm(&mut all, self.embedding_norm());
        for layer in (0..self.num_hidden_layers).map(|index| self.layer(index)) {
            let matrices =
                layer.qkv.into_iter().chain([layer.attention_output, layer.ffn_output]).chain(layer.ffn_input);
            matrices.for_each(|matrix| linear(&mut all, matrix));
            layer.attention_norm.into_iter().chain([layer.ffn_norm]).for_each(|own| norm(&mut all, own));
        }
        self.last_norm().into_iter().for_each(|last| norm(&mut all, last));
        all
    }

    /// Parameters of the encoder, without any head.
    pub(crate) fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

fn table(name: &str, rows: usize, width: usize) -> Linear {
    Linear { name: name.to_owned(), rows, width, bias: false }
}
