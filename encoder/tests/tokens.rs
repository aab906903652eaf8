//! Token offsets point into the text as it was given, however long it is and whatever the tokenizer did to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod tiny;

use neodex_encoder::{Error, Tokenizer};
use proptest::prelude::*;

fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(&tiny::files().tokenizer).unwrap()
}

#[test]
fn offsets_are_bytes_of_the_original() {
    let text = "Dog — CAFÉ\u{301}, dog";
    let tokens = tokenizer().encode(text, usize::MAX).unwrap();
    let dogs: Vec<_> = tokens.offsets.iter().map(|&(a, b)| &text[a as usize..b as usize]).collect();
    assert_eq!((dogs[0], dogs[dogs.len() - 1]), ("Dog", "dog"));
    assert_eq!(tokens.ids[0], tokens.ids[tokens.len() - 1]);
    assert_eq!(tokens.offsets[tokens.len() - 1].1 as usize, text.len());
}

#[test]
fn a_long_text_has_the_tokens_of_its_paragraphs() {
    let paragraph = "The history of science is long, and its pages are many.\n\n";
    let text = paragraph.repeat(500);
    let (tokenizer, one) = (tokenizer(), tokenizer().encode(paragraph, usize::MAX).unwrap());
    let all = tokenizer.encode(&text, usize::MAX).unwrap();
    assert_eq!(all.ids, one.ids.repeat(500));
    assert_eq!(tokenizer.count(&text).unwrap(), all.len());
    for (i, &(start, end)) in all.offsets.iter().enumerate() {
        let (shift, (own_start, own_end)) = (paragraph.len() * (i / one.len()), one.offsets[i % one.len()]);
        assert_eq!((start as usize, end as usize), (shift + own_start as usize, shift + own_end as usize));
    }
}

#[test]
fn any_english_text_has_tokens_of_its_own() {
    let tokens = tokenizer().encode("Zyzzyva & xylophone (2026) #42: \"quixotic\"!", usize::MAX).unwrap();
    assert!(tokens.ids.iter().all(|&id| id > 0 && id != 100), "{:?}", tokens.ids);
}

#[test]
fn a_line_without_any_space_is_survived() {
    let solid = "x".repeat(1 << 20);
    assert!(tokenizer().count(&solid).unwrap() > 0);
}

#[test]
fn specials_come_from_the_post_processor_or_by_name() {
    let tokenizer = tokenizer();
    assert_eq!((tokenizer.start(), tokenizer.end(), tokenizer.special_tokens()), (&[101][..], &[102][..], 2));
    let mut json: serde_json::Value = serde_json::from_slice(&tiny::files().tokenizer).unwrap();
    json["post_processor"] = serde_json::Value::Null;
    let named = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!((named.start(), named.end()), (&[101][..], &[102][..]));
}

#[test]
fn truncation_and_padding_of_the_file_are_ignored() {
    let mut json: serde_json::Value = serde_json::from_slice(&tiny::files().tokenizer).unwrap();
    json["truncation"] = serde_json::json!({"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0});
    json["padding"] = serde_json::json!({"strategy":{"Fixed":32},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"});
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(tokenizer.encode("the dog and the cat and the fox", usize::MAX).unwrap().len(), 8);
    assert_eq!(tokenizer.start(), [101]);
}

#[test]
fn what_is_no_tokenizer_is_refused() {
    for bytes in ["", "{}", "null", "{\"model\":3}"] {
        assert!(matches!(Tokenizer::from_json(bytes.as_bytes()), Err(Error::Tokenizer { .. })), "{bytes}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn adjoining_ranges_share_no_token_and_lose_none(text in "\\PC{0,80}", cut in 0.0..1.0_f64) {
        let tokens = tokenizer().encode(&text, usize::MAX).unwrap();
        let cut = (text.len() as f64 * cut) as usize;
        let (head, tail) = (tokens.within(&(0..cut)), tokens.within(&(cut..text.len())));
        prop_assert_eq!((head.start, head.end, tail.end), (0, tail.start, tokens.len()));
        prop_assert!(tokens.offsets.iter().all(|&(a, b)| a <= b && b as usize <= text.len()));
    }
}
