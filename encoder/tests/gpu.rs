//! The GPU computes what the CPU does. Where there is no GPU these tests say so and pass.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod tiny;

use neodex_encoder::{Device, Encoder, Error, ModelFiles, NeoBertConfig, Options, Precision, Role};
use tiny::{Cases, cosine};

/// The encoder on the first GPU, or nothing where there is none.
fn on_gpu(files: &ModelFiles, precision: Precision) -> Option<Encoder> {
    match Encoder::from_files(files, &Options { device: Device::Cuda(0), precision, ..Options::default() }) {
        Ok(encoder) => Some(encoder),
        Err(Error::DeviceUnavailable { reason, .. }) => {
            println!("not tested: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Size of the difference, as a share of the size of what was expected.
fn off(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let difference: f32 = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / expected.iter().map(|x| x.powi(2)).sum::<f32>()).sqrt()
}

const PRECISIONS: [(Precision, f32); 3] = [(Precision::F32, 1e-4), (Precision::F16, 6e-3), (Precision::Bf16, 4e-2)];

#[test]
fn the_reference_is_met() {
    let cases = Cases::read();
    for (precision, most) in PRECISIONS {
        let Some(encoder) = on_gpu(&tiny::files(), precision) else { return };
        assert_eq!((encoder.info().device.as_str(), encoder.info().precision), ("cuda:0", precision));
        for case in ["len1", "len7", "len64", "len200"] {
            let ids = [cases.ids(case)];
            let states = encoder.hidden_states(&ids).unwrap();
            let found = off(states[0].values(), &cases.tensor(&format!("{case}.last_hidden_state")));
            assert!(found < most, "{case} in {precision} is off by {found}");
            if case == "len7" {
                let logits = encoder.logits(&ids).unwrap();
                assert!(off(logits[0].values(), &cases.tensor("len7.logits")) < most);
            }
        }
    }
}

/// Heads 64 wide, which flash-attn takes, and sequences of many lengths in one batch.
#[test]
fn packed_sequences_do_not_see_each_other() {
    let config = NeoBertConfig {
        hidden_size: 256,
        num_hidden_layers: 4,
        num_attention_heads: 4,
        intermediate_size: 1024,
        vocab_size: 2_000,
        max_length: 4096,
        ..NeoBertConfig::default()
    };
    let files = ModelFiles::untrained(&config).unwrap();
    let exact = Encoder::from_files(&files, &Options { device: Device::Cpu, ..Options::default() }).unwrap();
    let ids = |length: usize| (0..length).map(|i| ((i * i + 31 * i * length) % 2_000) as u32).collect::<Vec<u32>>();
    let sequences: Vec<Vec<u32>> = [1, 7, 64, 200, 1000, 128, 129, 63].map(ids).into();
    let expected = exact.hidden_states(&sequences).unwrap();
    for (precision, most) in PRECISIONS {
        let Some(encoder) = on_gpu(&files, precision) else { return };
        let found = encoder.hidden_states(&sequences).unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            let off = off(found.values(), expected.values());
            assert!(off < most.min(1e-2), "{} tokens in {precision} are off by {off}", expected.tokens());
        }
    }
}

#[test]
fn embedding_many_texts_in_small_batches_changes_nothing() {
    let Some(encoder) = on_gpu(&tiny::files(), Precision::Bf16) else { return };
    let options = Options { device: Device::Cuda(0), batch_tokens: Some(100), ..Options::default() };
    let small = Encoder::from_files(&tiny::files(), &options).unwrap();
    let texts: Vec<String> = (0..200).map(|i| "water and light ".repeat(i % 13 + 1)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let exact = tiny::encoder().embed(&texts, Role::Document).unwrap();
    let together = encoder.embed(&texts, Role::Document).unwrap();
    let apart = small.embed(&texts, Role::Document).unwrap();
    for ((together, apart), exact) in together.iter().zip(&apart).zip(&exact) {
        assert!(cosine(together, exact) > 0.999 && cosine(together, apart) > 0.9999);
    }
}

#[test]
fn what_a_gpu_cannot_do_is_said() {
    let refused = |files: &ModelFiles, precision| {
        Encoder::from_files(files, &Options { device: Device::Cuda(0), precision, ..Options::default() }).unwrap_err()
    };
    match on_gpu(&tiny::files(), Precision::Auto) {
        Some(encoder) => {
            assert_eq!(encoder.info().precision, Precision::Bf16);
            assert!(refused(&tiny::files(), Precision::Int8).to_string().contains("int8"));
        }
        None => assert!(refused(&tiny::files(), Precision::Auto).to_string().contains("no GPU number 0")),
    }
}
