//! A text's vector is its own affair: who shares the batch, how wide it is and how many threads work changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use neodex_encoder::{Encoder, Error, Options, Role};
use tiny::{Cases, distance};

const TEXTS: [&str; 6] = [
    "The quick brown fox jumps over the lazy dog.",
    "",
    "Water and light, and the long history of a small river in the north of England; much has been said about it.",
    "A vector index.",
    "a",
    "Children read books at school every day, and in the night they find that people tell them the same story again.",
];

fn with(change: impl FnOnce(&mut Options)) -> Encoder {
    let mut options = tiny::exact();
    change(&mut options);
    Encoder::load(tiny::folder(), &options).unwrap()
}

#[test]
fn batched_is_single() {
    let encoder = tiny::encoder();
    let together = encoder.embed(&TEXTS, Role::Document).unwrap();
    for (text, vector) in TEXTS.iter().zip(&together) {
        let alone = encoder.embed(&[text], Role::Document).unwrap();
        assert!(distance(&alone[0], vector) < 1e-5, "{text}");
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5, "{text}");
    }
}

#[test]
fn batch_size_and_threads_change_nothing() {
    let expected = tiny::encoder().embed(&TEXTS, Role::Query).unwrap().concat();
    for (threads, batch_tokens) in [(1, 1), (1, 64), (3, 100), (2, 100_000)] {
        let encoder = with(|options| {
            options.threads = Some(threads);
            options.batch_tokens = Some(batch_tokens);
        });
        let found = encoder.embed(&TEXTS, Role::Query).unwrap().concat();
        assert!(distance(&found, &expected) < 1e-5, "{threads} threads, {batch_tokens} tokens");
    }
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let encoder = tiny::encoder();
    assert_eq!(encoder.embed(&TEXTS, Role::Query).unwrap(), encoder.embed(&TEXTS, Role::Query).unwrap());
}

#[test]
fn padding_changes_no_state() {
    let (cases, encoder) = (Cases::read(), tiny::encoder());
    let long = cases.ids("len64");
    let shorter: Vec<u32> = long[..50].to_vec();
    let alone = encoder.hidden_states(std::slice::from_ref(&shorter)).unwrap();
    let padded = encoder.hidden_states(&[long, shorter]).unwrap();
    assert_eq!(padded[1].tokens(), 50);
    assert!(distance(alone[0].values(), padded[1].values()) < 1e-5);
}

#[test]
fn a_mean_over_all_tokens_is_the_vector() {
    let encoder = tiny::encoder();
    let tokens = encoder.tokenize(TEXTS[0]).unwrap();
    let ids = [&[101], tokens.ids.as_slice(), &[102]].concat();
    let states = encoder.hidden_states(&[ids]).unwrap().remove(0);
    let sum = |column: usize| states.rows().map(|row| row[column]).sum::<f32>();
    let sums: Vec<f32> = (0..states.width()).map(sum).collect();
    let length = sums.iter().map(|x| x * x).sum::<f32>().sqrt();
    let unit: Vec<f32> = sums.iter().map(|x| x / length).collect();
    assert!(distance(&unit, &encoder.embed(&TEXTS[..1], Role::Query).unwrap()[0]) < 1e-5);
}

#[test]
fn a_text_over_the_limit_is_cut() {
    let encoder = tiny::encoder();
    let long = "water ".repeat(50_000);
    let limit = "water ".repeat(encoder.max_tokens() - 2);
    let vectors = encoder.embed(&[&long, &limit], Role::Document).unwrap();
    assert!(distance(&vectors[0], &vectors[1]) < 1e-5);
    assert_eq!(encoder.count_tokens(&long).unwrap(), 50_000);
}

#[test]
fn fewer_dimensions_are_the_first_ones() {
    let whole = tiny::encoder().embed(&TEXTS[..1], Role::Query).unwrap().remove(0);
    let encoder = with(|options| options.dimension = Some(16));
    let cut = encoder.embed(&TEXTS[..1], Role::Query).unwrap().remove(0);
    assert_eq!((cut.len(), encoder.dimension()), (16, 16));
    assert!((cut[0] / cut[1] - whole[0] / whole[1]).abs() < 1e-3);
    assert!((cut.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn nothing_in_nothing_out() {
    let encoder = tiny::encoder();
    assert!(encoder.embed(&[], Role::Query).unwrap().is_empty());
    assert_eq!(encoder.hidden_states(&[vec![]]).unwrap()[0].tokens(), 0);
}

#[test]
fn ids_that_cannot_be_are_refused() {
    let encoder = tiny::encoder();
    let long = encoder.hidden_states(&[vec![5; 257]]);
    assert!(matches!(long, Err(Error::TooLong { tokens: 257, limit: 256 })));
    let alien = encoder.hidden_states(&[vec![5; 3], vec![101, 512]]);
    assert!(matches!(alien, Err(Error::TokenOutOfRange { id: 512, vocab_size: 512 })));
}

#[test]
fn options_out_of_range_are_refused() {
    let refused = |options: Options| Encoder::load(tiny::folder(), &options).unwrap_err();
    for dimension in [0, 65] {
        let error = refused(Options { dimension: Some(dimension), ..Options::default() });
        assert!(matches!(error, Error::DimensionOutOfRange { hidden_size: 64, .. }));
    }
    assert!(matches!(refused(Options { threads: Some(0), ..Options::default() }), Error::OptionTooSmall { .. }));
    assert!(matches!(refused(Options { batch_tokens: Some(0), ..Options::default() }), Error::OptionTooSmall { .. }));
}
