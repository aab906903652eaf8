//! The GPU computes what the CPU does. Where there is no GPU these tests say so and pass.
#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod tiny;

use neodex_encoder::{Device, Encoder, Error, ModelFiles, NearestRows, NeoBertConfig, Options, Precision, Role};
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

/// Rows in several blocks, asked about across their borders, against sorting all scores.
#[test]
fn the_nearest_rows_are_those_of_sorting() {
    const WIDTH: usize = 64;
    const ROWS: usize = 1_000;
    let mut rows = match NearestRows::on(Device::Cuda(0), WIDTH, 2.0) {
        Ok(rows) => rows,
        Err(Error::DeviceUnavailable { reason, .. }) => return println!("not tested: {reason}"),
        Err(error) => panic!("{error}"),
    };
    let mut state = 7u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let codes: Vec<i8> = (0..ROWS * WIDTH).map(|_| (next(255) as i32 - 127) as i8).collect();
    let terms: Vec<[f32; 3]> =
        (0..ROWS).map(|_| [1.0 + next(3) as f32, next(9) as f32 * 4_096.0, next(100) as f32]).collect();
    for (codes, terms) in codes.chunks(300 * WIDTH).zip(terms.chunks(300)) {
        rows.push(codes, terms).unwrap();
    }
    let score = |left: usize, right: usize| {
        let codes = |row: usize| &codes[row * WIDTH..(row + 1) * WIDTH];
        let dot: i32 = codes(left).iter().zip(codes(right)).map(|(&l, &r)| i32::from(l) * i32::from(r)).sum();
        let ([own, _, lift], [factor, offset, other]) = (terms[left], terms[right]);
        2.0 * own * (factor * dot as f32) + offset + lift * other
    };
    for (asked, count) in [(0..1_000, 64), (290..310, 128), (999..1_000, 1)] {
        let found = rows.nearest(asked.clone(), count).unwrap();
        assert_eq!(found.len(), asked.len() * count);
        for (row, list) in asked.zip(found.chunks(count)) {
            let mut others: Vec<u32> = (0..ROWS as u32).filter(|&other| other as usize != row).collect();
            others.sort_by(|&l, &r| score(row, r as usize).total_cmp(&score(row, l as usize)).then(l.cmp(&r)));
            assert_eq!(list, &others[..count], "row {row}");
        }
    }
    assert!(rows.nearest(0..10, 129).is_err() && rows.nearest(990..1_001, 5).is_err());
    assert!(rows.push(&[0; WIDTH], &[]).is_err());
}
