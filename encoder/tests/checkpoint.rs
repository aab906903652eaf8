//! Checkpoints as people save them, and as disks damage them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use half::{bf16, f16};
use neodex_encoder::{Encoder, Error, ErrorKind, ModelFiles};
use proptest::prelude::*;
use safetensors::tensor::Dtype;
use tiny::{Cases, cosine, distance, floats, with_tensors};

fn load(files: &ModelFiles) -> Result<Encoder, Error> {
    Encoder::from_files(files, &tiny::exact())
}

fn refusal(files: &ModelFiles) -> Error {
    load(files).expect_err("loaded what is damaged")
}

/// The model with every tensor stored in another format.
fn stored_as(dtype: Dtype, narrow: fn(f32) -> [u8; 2]) -> ModelFiles {
    with_tensors(|tensors| {
        for (found, _, data) in tensors.values_mut() {
            *data = floats(data).into_iter().flat_map(narrow).collect();
            *found = dtype;
        }
    })
}

#[test]
fn names_without_prefix_and_without_head() {
    let files = with_tensors(|tensors| {
        *tensors = std::mem::take(tensors)
            .into_iter()
            .filter(|(name, _)| !name.starts_with("decoder."))
            .map(|(name, tensor)| (name.strip_prefix("model.").unwrap().to_owned(), tensor))
            .collect();
    });
    let (ids, encoder) = ([Cases::read().ids("len64")], load(&files).unwrap());
    let expected = tiny::encoder().hidden_states(&ids).unwrap();
    assert_eq!(encoder.hidden_states(&ids).unwrap(), expected);
    assert!(matches!(encoder.logits(&ids), Err(Error::NoLanguageModelHead)));
}

#[test]
fn half_precision_files_are_widened() {
    let cases = Cases::read();
    let expected = cases.tensor("len64.last_hidden_state");
    for (dtype, name, narrow) in [
        (Dtype::F16, "f16", (|x| f16::from_f32(x).to_le_bytes()) as fn(f32) -> [u8; 2]),
        (Dtype::BF16, "bf16", |x| bf16::from_f32(x).to_le_bytes()),
    ] {
        let encoder = load(&stored_as(dtype, narrow)).unwrap();
        assert_eq!(encoder.info().stored_as, name);
        let found = encoder.hidden_states(&[cases.ids("len64")]).unwrap();
        let agreement = cosine(found[0].values(), &expected);
        assert!(agreement > 0.99, "{name}: {agreement}");
        assert!(distance(found[0].values(), &expected) > 0.0, "{name} must have lost something");
    }
}

#[test]
fn shards_are_one_checkpoint() {
    let mut files = tiny::files();
    let tensors = tiny::read_tensors(&files.weights[0]);
    let (some, others) = tensors.into_iter().partition(|(name, _)| name.contains("encoder.1"));
    files.weights = vec![tiny::write_tensors(&some).into(), tiny::write_tensors(&others).into()];
    let ids = [Cases::read().ids("len7")];
    assert_eq!(load(&files).unwrap().hidden_states(&ids).unwrap(), tiny::encoder().hidden_states(&ids).unwrap());
}

#[test]
fn a_missing_tensor_is_named() {
    let lost = "model.transformer_encoder.2.ffn.w3.weight";
    let error = refusal(&with_tensors(|tensors| drop(tensors.remove(lost))));
    assert!(
        matches!(&error, Error::MissingWeight { name } if name == "transformer_encoder.2.ffn.w3.weight"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    let error = refusal(&with_tensors(|tensors| drop(tensors.remove("decoder.bias"))));
    assert!(matches!(&error, Error::MissingWeight { name } if name == "decoder.bias"), "{error}");
}

#[test]
fn a_wrong_shape_is_named_with_both_shapes() {
    let error = refusal(&with_tensors(|tensors| {
        tensors.get_mut("model.transformer_encoder.0.qkv.weight").unwrap().1 = vec![64, 192];
    }));
    let expected = "tensor `transformer_encoder.0.qkv.weight` has shape [64, 192], but config.json implies [192, 64]";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_number_format_that_is_not_read_is_named() {
    let error = refusal(&with_tensors(|tensors| {
        tensors.get_mut("model.layer_norm.weight").unwrap().0 = Dtype::I32;
    }));
    assert!(
        matches!(&error, Error::UnsupportedDtype { name, found } if name == "layer_norm.weight" && found == "I32"),
        "{error}"
    );
}

#[test]
fn weights_that_are_not_numbers_are_refused() {
    let error = refusal(&with_tensors(|tensors| {
        let data = &mut tensors.get_mut("model.layer_norm.weight").unwrap().2;
        data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    }));
    assert!(matches!(&error, Error::NotFinite { what } if what.contains("layer_norm.weight")), "{error}");
}

#[test]
fn a_file_cut_short_is_damaged() {
    let whole = tiny::files().weights[0].to_vec();
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        let mut files = tiny::files();
        files.weights = vec![whole[..length].to_vec().into()];
        assert!(matches!(refusal(&files), Error::DamagedWeights { .. }), "{length} bytes");
    }
    let mut files = tiny::files();
    files.weights.clear();
    assert!(matches!(refusal(&files), Error::MissingWeight { .. }));
}

#[test]
fn a_config_of_another_size_is_a_wrong_shape() {
    let mut files = tiny::files();
    let config = String::from_utf8(files.config.to_vec()).unwrap();
    files.config = config.replace("\"vocab_size\": 512", "\"vocab_size\": 600").into_bytes().into();
    assert!(matches!(refusal(&files), Error::ShapeMismatch { .. }));
    files.config = config.replace("\"vocab_size\": 512", "\"vocab_size\": 400").into_bytes().into();
    assert!(matches!(refusal(&files), Error::VocabularyMismatch { vocab_size: 400, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_flipped_byte_of_a_header_panics(at in 0..2000_usize, bits in 1..=255_u8) {
        let mut files = tiny::files();
        let mut bytes = files.weights[0].to_vec();
        bytes[at] ^= bits;
        files.weights = vec![bytes.into()];
        // A changed digit may still be a model; anything else must be an error that can be printed.
        if let Err(error) = load(&files) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
