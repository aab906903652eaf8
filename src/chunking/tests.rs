//! The promises of chunking, against arbitrary text: everything once, in order, within the limits, sentences whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::document::{Document, Heading};
use proptest::prelude::*;

fn chunks(document: &Document, config: &ChunkingConfig) -> Vec<Chunk> {
    StructuralChunker::new(config).chunk(document)
}

/// Text with the characters that decide something, and some that are hostile.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z]{1,12}",
        4 => Just(" ".to_owned()),
        2 => Just(". ".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        1 => "[。！？「」中文字한국語]{1,8}",
        1 => "[.!?…;{}|#>*0-9-]{1,4}",
        1 => "\\PC{0,6}",
        1 => "[\u{a0}\u{3000}\u{2028}\t\r\u{b}\u{85}]{1,3}",
        1 => "(Dr|e\\.g|U\\.S|No|1|12)\\.",
    ];
    prop::collection::vec(piece, 0..300).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn document()(text in text(), places in prop::collection::vec((any::<prop::sample::Index>(), 1u8..7), 0..6)) -> Document {
        let mut headings: Vec<Heading> = places
            .into_iter()
            .map(|(place, level)| Heading { level, text: "h".into(), offset: place.index(text.len() + 2) })
            .collect();
        headings.sort_by_key(|heading| heading.offset);
        Document { headings, ..Document::new("a", text) }
    }
}

prop_compose! {
    fn config()(max in 8usize..60, target in 1usize..60, min in 0usize..30) -> ChunkingConfig {
        ChunkingConfig { target_tokens: target, max_tokens: max, min_tokens: min }.normalized()
    }
}

fn assert_covers(text: &str, spans: impl Iterator<Item = std::ops::Range<usize>>) {
    let mut end = 0;
    for span in spans {
        assert!(span.start >= end && span.start < span.end, "{span:?} after {end}");
        let gap = text.get(end..span.start).expect("on character boundaries");
        assert!(gap.trim().is_empty(), "left out: {gap:?}");
        let piece = text.get(span.clone()).expect("on character boundaries");
        assert_eq!(piece, piece.trim());
        end = span.end;
    }
    assert!(text[end..].trim().is_empty(), "left out: {:?}", &text[end..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn everything_once_in_order_within_the_limit(document in document(), config in config()) {
        let chunks = chunks(&document, &config);
        if document.text.trim().is_empty() {
            prop_assert_eq!(chunks, vec![Chunk { span: 0..0, heading_path: vec![] }]);
            return Ok(());
        }
        assert_covers(&document.text, chunks.iter().map(|chunk| chunk.span.clone()));
        for chunk in &chunks {
            let tokens = estimate_tokens(chunk.text(&document));
            prop_assert!(tokens <= config.max_tokens, "{} tokens of {}", tokens, config.max_tokens);
        }
    }

    #[test]
    fn a_sentence_that_fits_is_never_cut(text in text(), config in config()) {
        let document = Document::new("a", text);
        let chunks = chunks(&document, &config);
        for sentence in sentences(&document.text) {
            if estimate_tokens(&document.text[sentence.clone()]) <= config.max_tokens {
                let whole = chunks.iter().any(|chunk| chunk.span.start <= sentence.start && sentence.end <= chunk.span.end);
                prop_assert!(whole, "cut: {:?}", &document.text[sentence]);
            }
        }
    }

    #[test]
    fn sentences_cover_the_text(text in text()) {
        assert_covers(&text, sentences(&text).into_iter());
    }

    #[test]
    fn the_estimate_adds_up_over_whitespace(left in text(), right in text()) {
        let joined = format!("{left} {right}");
        prop_assert_eq!(estimate_tokens(&joined), estimate_tokens(&left) + estimate_tokens(&right));
    }
}

fn sections(parts: &[(u8, &str, usize)]) -> Document {
    let mut document = Document::new("a", "");
    for (level, title, sentences) in parts {
        let offset = document.text.len();
        document.headings.push(Heading { level: *level, text: (*title).into(), offset });
        document.text.push_str(title);
        document.text.push_str("\n\n");
        for number in 0..*sentences {
            // Ten tokens.
            document.text.push_str(&format!("Here is one more plain line {number} of text. "));
        }
        document.text.push_str("\n\n");
    }
    document
}

#[test]
fn sections_stay_apart_and_name_their_headings() {
    let document = sections(&[(1, "Book", 10), (2, "One", 15), (2, "Two", 15)]);
    let chunks = chunks(&document, &ChunkingConfig::default());
    let lines: Vec<String> = chunks.iter().map(|chunk| chunk.heading_line(&document)).collect();
    assert_eq!(lines, ["Book", "Book > One", "Book > Two"]);
    assert!(chunks[1].text(&document).starts_with("One\n\nHere"), "the heading belongs to what follows");
}

#[test]
fn tiny_sections_join_under_what_they_share() {
    let document = sections(&[(1, "Book", 0), (2, "One", 2), (2, "Two", 2), (2, "Three", 20)]);
    let chunks = chunks(&document, &ChunkingConfig::default());
    let lines: Vec<String> = chunks.iter().map(|chunk| chunk.heading_line(&document)).collect();
    assert_eq!(lines, ["Book"], "{} chunks", chunks.len());
    let config = ChunkingConfig { max_tokens: 220, ..ChunkingConfig::default() };
    let chunks = self::chunks(&document, &config);
    let lines: Vec<String> = chunks.iter().map(|chunk| chunk.heading_line(&document)).collect();
    assert_eq!(lines, ["Book", "Book > Three"]);
}

#[test]
fn long_paragraphs_are_cut_evenly_near_the_target() {
    let document = Document::new("a", "Here is one more plain line 1 of text. ".repeat(100));
    let config = ChunkingConfig::default();
    let chunks = chunks(&document, &config);
    assert!((4..=6).contains(&chunks.len()), "{}", chunks.len());
    for chunk in chunks {
        let tokens = estimate_tokens(chunk.text(&document));
        assert!((150..=250).contains(&tokens), "{tokens}");
    }
}

#[test]
fn endless_words_are_cut_at_characters() {
    let document = Document::new("a", "é".repeat(100_000));
    let chunks = chunks(&document, &ChunkingConfig::default());
    assert!(chunks.len() > 50);
    assert_covers(&document.text, chunks.into_iter().map(|chunk| chunk.span));
}

#[test]
fn a_configuration_that_makes_no_sense_is_mended() {
    let config = ChunkingConfig { target_tokens: 0, max_tokens: 0, min_tokens: 9 }.normalized();
    assert!(config.min_tokens <= config.target_tokens && config.target_tokens <= config.max_tokens);
    let defaults: ChunkingConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(defaults, ChunkingConfig::default());
    assert_eq!(defaults.normalized(), defaults);
}
