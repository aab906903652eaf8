//! The other families against sentence-transformers: tiny models with random weights, made by `families/make.py`, which also wrote down
//! what it got.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use neodex_encoder::{
    ChunkSpan, Encoder, Error, ErrorKind, LateDocument, ModelFiles, ModelFolder, Options, Pooling, Precision, Role,
};
use serde_json::Value;

const FAMILIES: [&str; 6] = ["bert", "distilbert", "roberta", "xlm-roberta", "nomic-bert", "modernbert"];

fn folder(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/families").join(family)
}

fn files(family: &str) -> ModelFiles {
    ModelFolder::open(folder(family)).unwrap().read().unwrap()
}

/// The family's model, pooled by `mode` whatever its folder says.
fn model(family: &str, mode: &str) -> Encoder {
    let mut files = files(family);
    let mut pooling: Value = serde_json::from_slice(files.pooling.as_ref().unwrap()).unwrap();
    pooling["pooling_mode"] = mode.into();
    files.pooling = Some(serde_json::to_vec(&pooling).unwrap().into());
    Encoder::from_files(&files, &Options::default()).unwrap()
}

fn expected(family: &str) -> Value {
    serde_json::from_slice(&fs::read(folder(family).join("expected.json")).unwrap()).unwrap()
}

fn texts(expected: &Value) -> Vec<&str> {
    expected["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    for family in FAMILIES {
        let expected = expected(family);
        for mode in ["mean", "cls"] {
            let model = model(family, mode);
            assert_eq!(model.info().pooling, if mode == "mean" { Pooling::Mean } else { Pooling::Cls });
            for (role, name) in [(Role::Query, "query"), (Role::Document, "document")] {
                let found = model.embed(&texts(&expected), role).unwrap();
                for (i, found) in found.iter().enumerate() {
                    let off = largest_difference(found, &numbers(&expected[mode][name][i]));
                    assert!(off < 2e-5, "{family}, {mode}, {name}, text {i}: off by {off:e}");
                }
            }
        }
    }
}

#[test]
fn tokens_are_those_of_the_library() {
    for family in FAMILIES {
        let (model, expected) = (model(family, "mean"), expected(family));
        for (i, text) in texts(&expected).iter().enumerate() {
            let own = model.tokenize(text).unwrap().ids;
            let theirs: Vec<u32> = numbers(&expected["ids"][i]).into_iter().map(|id| id as u32).collect();
            let theirs = &theirs[1..theirs.len() - 1];
            assert_eq!(&own[..theirs.len()], theirs, "{family}, text {i}");
        }
    }
}

#[test]
fn a_text_has_the_same_vector_whatever_goes_with_it() {
    for family in FAMILIES {
        let (model, expected) = (model(family, "mean"), expected(family));
        let texts = texts(&expected);
        let together = model.embed(&texts, Role::Document).unwrap();
        for (text, together) in texts.iter().zip(&together) {
            let alone = model.embed(&[text], Role::Document).unwrap().remove(0);
            assert!(largest_difference(&alone, together) < 1e-5, "{family}: {text}");
        }
    }
}

#[test]
fn what_a_folder_says_is_what_a_model_is() {
    let shape = |family| {
        let info = Encoder::load(folder(family), &Options::default()).unwrap().info().clone();
        (info.architecture, info.max_tokens, info.dimension, info.prompts.query)
    };
    assert_eq!(shape("bert"), ("bert".into(), 64, 32, String::new()));
    // Two rows of RoBERTa's 66 positions are for padding.
    assert_eq!(shape("roberta"), ("roberta".into(), 64, 32, String::new()));
    assert_eq!(shape("xlm-roberta"), ("xlm-roberta".into(), 48, 32, "query: ".into()));
    assert_eq!(shape("nomic-bert"), ("nomic_bert".into(), 128, 16, "query: ".into()));
    assert_eq!(shape("modernbert").1, 512);
    let parameters = Encoder::load(folder("modernbert"), &Options::default()).unwrap().parameters();
    let stored = fs::metadata(folder("modernbert").join("model.safetensors")).unwrap().len() as usize;
    assert!((stored - 8_000..stored).contains(&(2 * parameters)), "{parameters} parameters, {stored} bytes");
}

#[test]
fn a_chunk_alone_in_a_short_document_has_nearly_its_own_vector() {
    // Without prompt, title and neighbours late chunking leaves out the special tokens alone.
    let model = model("modernbert", "mean");
    let text = "Close vectors are near neighbours, and an index finds them among many others in a moment.";
    let chunks = [ChunkSpan { range: 0..text.len(), heading: String::new() }];
    let late = model.embed_late(&[LateDocument { title: "", text, chunks: &chunks }], 512).unwrap();
    let whole = model.embed(&[text], Role::Document).unwrap();
    let cosine: f32 = late[0][0].iter().zip(&whole[0]).map(|(a, b)| a * b).sum();
    assert!(cosine > 0.95, "{cosine}");
}

#[test]
fn late_chunks_know_their_document() {
    for family in ["bert", "nomic-bert", "modernbert"] {
        let model = model(family, "mean");
        let text = "It is closed. The index of the database is closed on Sundays.";
        let chunks = [ChunkSpan { range: 0..13, heading: String::new() }];
        let vector = |text| {
            let document = LateDocument { title: "", text, chunks: &chunks };
            model.embed_late(&[document], 64).unwrap().remove(0).remove(0)
        };
        assert!(largest_difference(&vector(text), &vector("It is closed. Nobody knows why.")) > 1e-3, "{family}");
        assert!(largest_difference(&vector(text), &vector(text)) == 0.0, "{family}");
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let altered = |alter: fn(&mut Value)| {
        let mut files = files("bert");
        let mut config: Value = serde_json::from_slice(&files.config).unwrap();
        alter(&mut config);
        files.config = serde_json::to_vec(&config).unwrap().into();
        Encoder::from_files(&files, &Options::default()).map(|_| ()).unwrap_err()
    };
    let error = altered(|config| config["model_type"] = "t5".into());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.to_string();
    for part in ["`t5`", "NeoBERT", "ModernBERT", "xlm-roberta", "--model"] {
        assert!(message.contains(part), "{message}");
    }
    let error = altered(|config| config["intermediate_size"] = 64.into());
    let Error::ShapeMismatch { name, expected, found } = &error else { panic!("{error}") };
    assert_eq!(
        (name.as_str(), expected.as_slice(), found.as_slice()),
        ("encoder.layer.0.intermediate.dense.weight", &[64, 32][..], &[48, 32][..])
    );
    let error = altered(|config| config["num_hidden_layers"] = 3.into());
    assert!(matches!(&error, Error::MissingWeight { name } if name.starts_with("encoder.layer.2.")), "{error}");
    for (key, value) in [
        ("hidden_act", Value::from("mish")),
        ("position_embedding_type", "relative_key".into()),
        ("is_decoder", true.into()),
        ("num_attention_heads", 5.into()),
        ("max_position_embeddings", 2.into()),
        ("layer_norm_eps", "small".into()),
    ] {
        let mut files = files("bert");
        let mut config: Value = serde_json::from_slice(&files.config).unwrap();
        config[key] = value;
        files.config = serde_json::to_vec(&config).unwrap().into();
        let error = Encoder::from_files(&files, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Config { field, .. } if field == key), "{key}: {error}");
    }
    let int8 = Options { precision: Precision::Int8, ..Options::default() };
    let error = Encoder::load(folder("bert"), &int8).unwrap_err();
    assert!(matches!(&error, Error::PrecisionUnavailable { .. }) && error.to_string().contains("f32"), "{error}");
}
