//! Late chunking: a chunk's vector is the mean of its own states, in the light of the document around it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use neodex_encoder::{ChunkSpan, Encoder, Error, LateDocument, ModelFiles, Options, Role};
use proptest::prelude::*;
use tiny::{cosine, distance};

fn span(range: std::ops::Range<usize>) -> ChunkSpan {
    ChunkSpan { range, heading: String::new() }
}

/// Chunks of a text, cut at these bytes.
fn cut(text: &str, at: &[usize]) -> Vec<ChunkSpan> {
    let ends = at.iter().copied().chain([text.len()]);
    ends.scan(0, |start, end| Some(span(std::mem::replace(start, end)..end))).collect()
}

fn untitled<'a>(text: &'a str, chunks: &'a [ChunkSpan]) -> LateDocument<'a> {
    LateDocument { title: "", text, chunks }
}

/// The mean of these rows of the states of `ids`, scaled to length 1.
fn mean_of(encoder: &Encoder, ids: Vec<u32>, rows: std::ops::Range<usize>) -> Vec<f32> {
    let states = encoder.hidden_states(&[ids]).unwrap().remove(0);
    let sum = |column: usize| states.rows().skip(rows.start).take(rows.len()).map(|row| row[column]).sum::<f32>();
    let sums: Vec<f32> = (0..states.width()).map(sum).collect();
    let length = sums.iter().map(|x| x * x).sum::<f32>().sqrt();
    sums.iter().map(|x| x / length).collect()
}

fn story(sentences: usize) -> String {
    let parts = [
        "The river runs north. ",
        "A dog and a fox read books! ",
        "Much of history is night, ",
        "so people say: 42.\n",
    ];
    (0..sentences).map(|i| parts[i % parts.len()]).collect()
}

#[test]
fn one_chunk_in_one_window_is_the_mean_of_its_own_tokens() {
    let (encoder, text) = (tiny::encoder(), story(5));
    let chunks = cut(&text, &[]);
    let found = encoder.embed_late(&[untitled(&text, &chunks)], 256).unwrap();
    let own = encoder.tokenize(&text).unwrap().ids;
    let ids = [&[101], own.as_slice(), &[102]].concat();
    assert!(distance(&found[0][0], &mean_of(&encoder, ids, 1..own.len() + 1)) < 1e-5);
}

#[test]
fn title_and_heading_are_context_and_not_part_of_the_mean() {
    let (encoder, text) = (tiny::encoder(), "The dog sleeps. The cat is old.");
    let heading = "animals of the house".to_owned();
    let chunks =
        [ChunkSpan { range: 0..15, heading: heading.clone() }, ChunkSpan { range: 15..31, heading: heading.clone() }];
    let document = LateDocument { title: "A story", text, chunks: &chunks };
    let found = encoder.embed_late(&[document], 256).unwrap().remove(0);
    let ids = |text: &str| encoder.tokenize(text).unwrap().ids;
    let before = [vec![101], ids("A story"), ids(&heading)].concat();
    let (first, second) = (ids("The dog sleeps."), ids(" The cat is old."));
    let window = [before.clone(), first.clone(), second.clone(), vec![102]].concat();
    let middle = before.len() + first.len();
    assert!(distance(&found[0], &mean_of(&encoder, window.clone(), before.len()..middle)) < 1e-5);
    assert!(distance(&found[1], &mean_of(&encoder, window, middle..middle + second.len())) < 1e-5);
    let bare = encoder.embed_late(&[untitled(text, &chunks[..1])], 256).unwrap();
    assert!(distance(&bare[0][0], &found[0]) > 1e-3, "the title must matter");
}

#[test]
fn a_chunk_knows_its_neighbours() {
    let encoder = tiny::encoder();
    let (a, b) = ("It is old. The king ruled England.", "It is old. The function returns a list.");
    let chunks = [span(0..10)];
    let found = encoder.embed_late(&[untitled(a, &chunks), untitled(b, &chunks)], 256).unwrap();
    assert!(distance(&found[0][0], &found[1][0]) > 1e-3);
}

#[test]
fn a_document_of_many_windows() {
    let (encoder, text) = (tiny::encoder(), story(400));
    let cuts: Vec<usize> = (1..text.len() / 90).map(|i| i * 90).collect();
    let chunks = cut(&text, &cuts);
    let found = encoder.embed_late(&[untitled(&text, &chunks)], 64).unwrap().remove(0);
    assert_eq!(found.len(), chunks.len());
    for vector in &found {
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }
}

#[test]
fn a_chunk_longer_than_a_window_is_the_mean_of_its_parts() {
    let (encoder, text) = (tiny::encoder(), "water ".repeat(500));
    let chunks = cut(&text, &[]);
    let found = encoder.embed_late(&[untitled(&text, &chunks)], 66).unwrap().remove(0);
    // Windows of 64 start every 48 tokens; the last ends with the text. All words are alike, so that windows differ by nothing.
    let window = [vec![101], encoder.tokenize(&"water ".repeat(64)).unwrap().ids, vec![102]].concat();
    let states = encoder.hidden_states(&[window]).unwrap().remove(0);
    let rows: Vec<&[f32]> = states.rows().collect();
    let mut sum = vec![0.0_f64; 64];
    let starts: Vec<usize> = (0..).map(|i| i * 48).take_while(|start| start + 64 < 500).chain([500 - 64]).collect();
    let mut from = 0;
    for (i, &start) in starts.iter().enumerate() {
        let to = starts.get(i + 1).map_or(500, |next| (start + 64).midpoint(*next));
        for token in from..to {
            sum.iter_mut().zip(rows[1 + token - start]).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        from = to;
    }
    let expected: Vec<f32> = sum.iter().map(|&x| x as f32).collect();
    assert!(cosine(&found[0], &expected) > 0.99999, "{}", cosine(&found[0], &expected));
}

#[test]
fn the_order_of_chunks_and_company_changes_nothing() {
    let (encoder, text, other) = (tiny::encoder(), story(60), story(7));
    let mut chunks = cut(&text, &[50, 130, 131, 400]);
    let forward = encoder.embed_late(&[untitled(&text, &chunks)], 80).unwrap().remove(0);
    chunks.reverse();
    let whole = cut(&other, &[]);
    let documents = [untitled(&other, &whole), untitled(&text, &chunks), untitled("", &[])];
    let mut backward = encoder.embed_late(&documents, 80).unwrap();
    assert!(backward[2].is_empty());
    backward[1].reverse();
    assert!(distance(&forward.concat(), &backward[1].concat()) < 1e-5);
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let (encoder, text) = (tiny::encoder(), story(100));
    let chunks = cut(&text, &[200, 900]);
    let once = || encoder.embed_late(&[untitled(&text, &chunks), untitled(&text, &chunks)], 64).unwrap();
    assert_eq!(once(), once());
}

#[test]
fn a_chunk_without_tokens_has_the_vector_of_its_title() {
    let encoder = tiny::encoder();
    let chunks = [span(0..3), span(3..3)];
    let document = LateDocument { title: "dog", text: "   ", chunks: &chunks };
    let found = encoder.embed_late(&[document, LateDocument { title: "", ..document }], 64).unwrap();
    let dog = encoder.tokenize("dog").unwrap().ids;
    let expected = mean_of(&encoder, [vec![101], dog.clone(), vec![102]].concat(), 1..1 + dog.len());
    assert!(distance(&found[0][0], &expected) < 1e-5 && distance(&found[0][1], &expected) < 1e-5);
    assert!(distance(&found[1][0], &mean_of(&encoder, vec![101, 102], 0..2)) < 1e-5);
}

#[test]
fn a_long_title_and_prompt_leave_room_for_the_text() {
    let title = "history ".repeat(300);
    let text = story(40);
    let chunks: Vec<_> = cut(&text, &[100]).into_iter().map(|c| ChunkSpan { heading: title.clone(), ..c }).collect();
    let files = ModelFiles {
        prompts: Some(format!(r#"{{"prompts":{{"document":"{title}"}}}}"#).into_bytes().into()),
        ..tiny::files()
    };
    let encoder = Encoder::from_files(&files, &Options::default()).unwrap();
    for window_tokens in [16, 17, 40, 100_000] {
        let found =
            encoder.embed_late(&[LateDocument { title: &title, text: &text, chunks: &chunks }], window_tokens).unwrap();
        assert!(found[0].iter().flatten().all(|x| x.is_finite()), "{window_tokens}");
    }
}

#[test]
fn a_model_that_pools_by_cls_takes_each_chunk_alone() {
    let files = ModelFiles { pooling: Some(b"{\"pooling_mode\":\"cls\"}"[..].into()), ..tiny::files() };
    let encoder = Encoder::from_files(&files, &Options::default()).unwrap();
    let text = "The dog sleeps. The cat is old.";
    let chunks = cut(text, &[15]);
    let found = encoder.embed_late(&[untitled(text, &chunks)], 64).unwrap().remove(0);
    let alone = encoder.embed(&[&text[..15], &text[15..]], Role::Document).unwrap();
    assert!(distance(&found.concat(), &alone.concat()) < 1e-5);
}

#[test]
fn what_cannot_be_is_refused() {
    let encoder = tiny::encoder();
    let chunks = [span(0..2), span(2..9)];
    let error = encoder.embed_late(&[untitled("dog", &chunks)], 64).unwrap_err();
    assert!(
        matches!(error, Error::ChunkOutOfRange { document: 0, chunk: 1, start: 2, end: 9, text_bytes: 3 }),
        "{error}"
    );
    assert!(matches!(encoder.embed_late(&[], 15), Err(Error::OptionTooSmall { minimum: 16, .. })));
    assert!(encoder.embed_late(&[], 64).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_text_and_no_chunks_give_anything_but_unit_vectors(
        text in "[a-zé .\n]{0,400}", title in "[a-z ]{0,20}", cuts in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 1..6), window_tokens in 16..90_usize,
    ) {
        let at = |share: f64| (text.len() as f64 * share) as usize;
        let chunks: Vec<_> = cuts.iter().map(|&(a, b)| span(at(a.min(b))..at(a.max(b)))).collect();
        let encoder = tiny::encoder();
        let found = encoder.embed_late(&[LateDocument { title: &title, text: &text, chunks: &chunks }], window_tokens).unwrap();
        prop_assert_eq!(found[0].len(), chunks.len());
        for vector in &found[0] {
            let length: f32 = vector.iter().map(|x| x * x).sum();
            prop_assert!((length - 1.0).abs() < 1e-4);
        }
    }
}
