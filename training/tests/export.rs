//! The finished model is a folder that the encoder loads, with the vectors the weights give, in every format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use neodex_encoder::{Encoder, NeoBertConfig, Options, Precision, Role, Weights};
use neodex_training::checkpoint::{Export, TensorSpec, WeightFormat};
use serde_json::Value;

/// The reference's tiny model: shape, weights, tokenizer.
struct Tiny {
    config: NeoBertConfig,
    weights: Vec<Cow<'static, [u8]>>,
    tokenizer: Vec<u8>,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../encoder/tests/fixtures/neobert-tiny"))
}

fn tiny() -> Tiny {
    let read = |name| fs::read(folder().join(name)).unwrap();
    let config = NeoBertConfig::from_json(&read("config.json")).unwrap();
    Tiny { config, weights: vec![read("model.safetensors").into()], tokenizer: read("tokenizer.json") }
}

impl Tiny {
    fn values(&self, spec: &TensorSpec) -> Vec<f32> {
        let weights = Weights::parse(&self.weights).unwrap();
        let tensor = weights.tensor(&spec.name, &spec.shape, &candle_core::Device::Cpu).unwrap();
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }
}

fn vectors(folder: &Path) -> Vec<Vec<f32>> {
    let encoder = Encoder::load(folder, &Options { precision: Precision::F32, ..Options::default() }).unwrap();
    encoder.embed(&["the first text", "and a second one, longer than that"], Role::Document).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_encoder_loads_what_was_written() {
    let tiny = tiny();
    let expected = vectors(folder());
    let dir = tempfile::tempdir().unwrap();
    for (format, decoder, tolerance) in [
        (WeightFormat::F32, true, 0.0),
        (WeightFormat::F32, false, 0.0),
        (WeightFormat::F16, false, 5e-3),
        (WeightFormat::Bf16, false, 4e-2),
    ] {
        let model = dir.path().join("model");
        let export = Export { format, decoder, ..Export::new(&tiny.config, &tiny.tokenizer) };
        export.write(&model, |spec| Ok(tiny.values(spec))).unwrap();
        for (ours, theirs) in vectors(&model).iter().zip(&expected) {
            let far = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far <= tolerance, "{format:?}: {far}");
        }
        let file = fs::read(model.join("model.safetensors")).unwrap();
        let read = safetensors::SafeTensors::deserialize(&file).unwrap();
        assert_eq!(read.len(), if decoder { 3 * 6 + 4 } else { 3 * 6 + 2 });
        assert_eq!(read.tensor("model.layer_norm.weight").is_ok(), decoder);
        assert_eq!(read.tensor("layer_norm.weight").is_ok(), !decoder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside the model");
    }
}

#[test]
fn the_settings_are_those_other_programs_read() {
    let tiny = tiny();
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    let export = Export {
        query_prefix: "query: ",
        document_prefix: "passage: ",
        matryoshka: &[64, 32],
        max_seq_length: 128,
        decoder: true,
        ..Export::new(&tiny.config, &tiny.tokenizer)
    };
    export.write(&model, |spec| Ok(tiny.values(spec))).unwrap();
    // Key by key as the released model has it, but for where its code comes from.
    let (ours, theirs) = (json(&model.join("config.json")), json(&folder().join("config.json")));
    for (key, value) in theirs.as_object().unwrap() {
        if !["auto_map", "kwargs", "pretrained_model_name_or_path", "transformers_version", "trust_remote_code"]
            .contains(&key.as_str())
        {
            assert_eq!(&ours[key], value, "{key}");
        }
    }
    assert_eq!(json(&model.join("config_sentence_transformers.json"))["prompts"]["query"], "query: ");
    assert_eq!(json(&model.join("1_Pooling/config.json"))["pooling_mode_mean_tokens"], true);
    assert_eq!(json(&model.join("sentence_bert_config.json"))["max_seq_length"], 128);
    assert_eq!(json(&model.join("modules.json"))[2]["type"], "sentence_transformers.models.Normalize");
    assert_eq!(json(&model.join("special_tokens_map.json"))["mask_token"], "[MASK]");
    assert_eq!(json(&model.join("tokenizer_config.json"))["model_max_length"], 128);
    let encoder = Encoder::load(&model, &Options::default()).unwrap();
    assert_eq!(encoder.dimension(), tiny.config.hidden_size);
}

#[test]
fn a_model_that_cannot_be_written_leaves_the_one_before() {
    let tiny = tiny();
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    Export::new(&tiny.config, &tiny.tokenizer).write(&model, |spec| Ok(tiny.values(spec))).unwrap();
    let failed = Export::new(&tiny.config, &tiny.tokenizer).write(&model, |spec| match spec.name.as_str() {
        "layer_norm.weight" => Ok(Vec::new()),
        _ => Ok(tiny.values(spec)),
    });
    assert!(failed.unwrap_err().to_string().contains("layer_norm.weight"));
    assert_eq!(vectors(&model), vectors(folder()));
    assert!(Export::new(&tiny.config, b"no json").write(&model, |spec| Ok(tiny.values(spec))).is_err());
}
