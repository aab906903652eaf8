//! The path in 8-bit integers: close to the exact one, and a sequence's states are its own affair to the last bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use neodex_encoder::{
    ChunkSpan, Device, Encoder, Error, LateDocument, ModelFiles, NeoBertConfig, Options, Precision, Role, States,
    quantize,
};
use tiny::{Cases, cosine, distance, floats};

const TEXTS: [&str; 5] = [
    "The quick brown fox jumps over the lazy dog.",
    "",
    "Water and light, and the long history of a small river in the north of England; much has been said about it.",
    "a",
    "Children read books at school every day, and in the night they find that people tell them the same story again.",
];

fn open(files: &ModelFiles, precision: Precision) -> Encoder {
    Encoder::from_files(files, &Options { precision, ..Options::default() }).unwrap()
}

fn shaped(layers: usize, hidden: usize, heads: usize, intermediate: usize, max_length: usize) -> ModelFiles {
    let config = NeoBertConfig {
        num_hidden_layers: layers,
        hidden_size: hidden,
        num_attention_heads: heads,
        intermediate_size: intermediate,
        vocab_size: 600,
        max_length,
        ..NeoBertConfig::default()
    };
    let mut files = ModelFiles::untrained(&config).unwrap();
    let mut tensors = tiny::read_tensors(&files.weights[0]);
    for (_, shape, bytes) in tensors.values_mut() {
        let change = |at: usize, x: f32| match shape.as_slice() {
            // From 0.02 to what keeps states from fading, and norms that differ.
            &[_, width] => x * 50.0 * (3.0 / width as f32).sqrt(),
            _ => x * (0.5 + (at % 7) as f32 / 6.0),
        };
        *bytes = floats(bytes).into_iter().enumerate().flat_map(|(at, x)| change(at, x).to_le_bytes()).collect();
    }
    files.weights = vec![tiny::write_tensors(&tensors).into()];
    files
}

fn ids(length: usize, salt: usize) -> Vec<u32> {
    (0..length).map(|at| (5 + (at * at * 7 + at * 13 + salt * 101) % 590) as u32).collect()
}

fn mean(states: &States) -> Vec<f32> {
    (0..states.width()).map(|column| states.rows().map(|row| row[column]).sum::<f32>()).collect()
}

#[test]
fn texts_keep_their_vectors() {
    let (exact, fast) = (tiny::encoder(), open(&tiny::files(), Precision::Int8));
    let pairs = exact.embed(&TEXTS, Role::Query).unwrap().into_iter().zip(fast.embed(&TEXTS, Role::Query).unwrap());
    for ((a, b), text) in pairs.zip(TEXTS) {
        assert!(cosine(&a, &b) > 0.998, "`{text}`: {}", cosine(&a, &b));
    }
}

#[test]
fn the_reference_states_are_close() {
    let (cases, fast) = (Cases::read(), open(&tiny::files(), Precision::Int8));
    for case in ["len7", "len64", "len200", "eps1", "eps3"] {
        let found = fast.hidden_states(&[cases.ids(case)]).unwrap().remove(0);
        let agreement = cosine(found.values(), &cases.tensor(&format!("{case}.last_hidden_state")));
        assert!(agreement > 0.998, "{case}: {agreement}");
    }
}

#[test]
fn shapes_of_all_kinds_are_close() {
    for (layers, hidden, heads, intermediate) in
        [(2, 384, 6, 1536), (3, 48, 2, 100), (2, 120, 3, 256), (1, 66, 33, 30), (4, 128, 1, 512), (2, 40, 2, 8)]
    {
        let files = shaped(layers, hidden, heads, intermediate, 700);
        let (exact, fast) = (open(&files, Precision::F32), open(&files, Precision::Int8));
        for length in [1, 2, 31, 130, 700] {
            let sequence = [ids(length, length)];
            let exact = exact.hidden_states(&sequence).unwrap().remove(0);
            let fast = fast.hidden_states(&sequence).unwrap().remove(0);
            let (pooled, states) = (cosine(&mean(&exact), &mean(&fast)), cosine(exact.values(), fast.values()));
            assert!(pooled > 0.998 && states > 0.995, "{layers}x{hidden}/{heads}, {length}: {pooled} {states}");
        }
    }
}

#[test]
fn four_thousand_tokens() {
    let files = shaped(1, 64, 2, 128, 4096);
    let (exact, fast) = (open(&files, Precision::F32), open(&files, Precision::Int8));
    let sequences = [ids(4096, 1), ids(3, 2)];
    let (exact, fast) = (exact.hidden_states(&sequences).unwrap(), fast.hidden_states(&sequences).unwrap());
    for (exact, fast) in exact.iter().zip(&fast) {
        assert_eq!(exact.tokens(), fast.tokens());
        assert!(cosine(exact.values(), fast.values()) > 0.998);
    }
    let long = open(&files, Precision::Int8).hidden_states(&[ids(4097, 1)]);
    assert!(matches!(long, Err(Error::TooLong { tokens: 4097, limit: 4096 })));
}

#[test]
fn company_order_and_threads_change_no_bit() {
    let files = tiny::files();
    let sequences: Vec<Vec<u32>> =
        [64, 1, 200, 33, 32, 31, 7, 256, 0, 100].map(|length| ids(length.min(256), length)).to_vec();
    let sequences: Vec<Vec<u32>> =
        sequences.into_iter().map(|ids| ids.into_iter().map(|id| id % 512).collect()).collect();
    let together = open(&files, Precision::Int8).hidden_states(&sequences).unwrap();
    for (sequence, states) in sequences.iter().zip(&together) {
        assert_eq!(&open(&files, Precision::Int8).hidden_states(std::slice::from_ref(sequence)).unwrap()[0], states);
    }
    let backwards: Vec<Vec<u32>> = sequences.iter().rev().cloned().collect();
    for (threads, batch_tokens) in [(1, 1), (1, 300), (3, 100_000)] {
        let options = Options {
            threads: Some(threads),
            batch_tokens: Some(batch_tokens),
            precision: Precision::Int8,
            ..Options::default()
        };
        let found = Encoder::from_files(&files, &options).unwrap().hidden_states(&backwards).unwrap();
        assert!(found.iter().rev().eq(&together), "{threads} threads, {batch_tokens} tokens");
    }
}

#[test]
fn late_chunks_keep_their_vectors() {
    let text = TEXTS.join(" ").repeat(6);
    let cuts: Vec<usize> = (0..=8).map(|at| at * text.len() / 8).collect();
    let chunks: Vec<ChunkSpan> =
        cuts.windows(2).map(|cut| ChunkSpan { range: cut[0]..cut[1], ..ChunkSpan::default() }).collect();
    let documents = [LateDocument { title: "A river", text: &text, chunks: &chunks }];
    let exact = tiny::encoder().embed_late(&documents, 100).unwrap().remove(0);
    let fast = open(&tiny::files(), Precision::Int8).embed_late(&documents, 100).unwrap().remove(0);
    assert_eq!(fast.len(), 8);
    for (exact, fast) in exact.iter().zip(&fast) {
        assert!(cosine(exact, fast) > 0.998, "{}", cosine(exact, fast));
    }
}

#[test]
fn a_file_in_int8_is_the_model_in_int8() {
    let files = tiny::files();
    let small = ModelFiles { weights: vec![quantize(&files).unwrap().into()], ..files.clone() };
    assert!(small.weights[0].len() < files.weights[0].len() / 4);
    let sequences = [Cases::read().ids("len64")];
    let states = |files, precision| open(files, precision).hidden_states(&sequences).unwrap().remove(0);
    assert_eq!(states(&small, Precision::Int8), states(&files, Precision::Int8));

    let info = open(&small, Precision::Auto).info().clone();
    assert_eq!((info.stored_as.as_str(), info.precision), ("int8", Precision::Int8));
    // Widened, its numbers are those of the codes, close to the original's.
    let (widened, exact) = (states(&small, Precision::F32), states(&files, Precision::F32));
    assert!(cosine(widened.values(), exact.values()) > 0.998);
    assert!(distance(widened.values(), exact.values()) > 0.0);
    // A second time changes nothing.
    assert!(quantize(&small).unwrap() == small.weights[0].as_ref());
}

#[test]
fn what_is_missing_from_an_int8_file_is_named() {
    let files = tiny::files();
    let mut tensors = tiny::read_tensors(&quantize(&files).unwrap());
    assert!(!tensors.contains_key("decoder.weight"));
    tensors.remove("encoder.weight.scale").unwrap();
    let damaged = ModelFiles { weights: vec![tiny::write_tensors(&tensors).into()], ..files };
    for precision in [Precision::Int8, Precision::F32] {
        let options = Options { precision, ..Options::default() };
        let error = Encoder::from_files(&damaged, &options).unwrap_err();
        assert!(matches!(&error, Error::MissingWeight { name } if name == "encoder.weight.scale"), "{error}");
    }
}

#[test]
fn precision_is_told_and_leaves_the_fingerprint_alone() {
    let files = tiny::files();
    let (exact, fast, auto) =
        (open(&files, Precision::F32), open(&files, Precision::Int8), open(&files, Precision::Auto));
    assert_eq!((exact.info().precision, fast.info().precision), (Precision::F32, Precision::Int8));
    assert_eq!(auto.info().precision, Precision::Int8);
    assert_eq!(exact.fingerprint(), fast.fingerprint());
    for precision in [Precision::F16, Precision::Bf16] {
        let options = Options { precision, device: Device::Cpu, ..Options::default() };
        let error = Encoder::from_files(&files, &options).unwrap_err();
        assert!(matches!(error, Error::PrecisionUnavailable { .. }), "{error}");
    }
}

#[test]
fn logits_come_from_the_fast_states_too() {
    let fast = open(&tiny::files(), Precision::Int8);
    let ids = [Cases::read().ids("len7")];
    let (found, expected) = (fast.logits(&ids).unwrap(), tiny::encoder().logits(&ids).unwrap());
    assert!(cosine(found[0].values(), expected[0].values()) > 0.998);
    assert!(matches!(open(&shaped(1, 32, 1, 64, 64), Precision::Int8).logits(&ids), Err(Error::NoLanguageModelHead)));
}
