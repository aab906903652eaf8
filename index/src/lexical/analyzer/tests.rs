//! What the analyzer promises about terms and offsets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Analyzer::new().tokens(text, &mut |token| found.push(token.term.to_owned()));
    found
}

fn query(text: &str) -> Vec<String> {
    Analyzer::new().terms(text).iter().map(|term| term.term.clone()).collect()
}

#[test]
fn words_are_folded_and_stemmed() {
    assert_eq!(terms("The Flows of AIR"), ["the", "flow", "of", "air"]);
    assert_eq!(
        terms("Café naïve Straße Ærø ŁÓDŹ Ελλάδα Ёлка"),
        ["cafe", "naiv", "strass", "aero", "lodz", "ελλαδα", "елка"]
    );
    assert_eq!(terms("cafe\u{301}"), ["cafe"]);
    assert_eq!(terms("ＡＢＣ１２３"), ["abc123"]);
    assert_eq!(terms("the author's book, don't, we'll, l'eau"), ["the", "author", "book", "dont", "we", "l", "eau"]);
}

#[test]
fn numbers_and_identifiers_survive() {
    assert_eq!(terms("3.14 1,000 1,0 v2.5 end."), ["3.14", "1000", "1", "0", "v2", "5", "end"]);
    assert_eq!(terms("snake_case foo.bar"), ["snake", "case", "foo", "bar"]);
    assert_eq!(
        terms("CamelCase HTTPServer iPhone"),
        ["camelcas", "camel", "case", "httpserver", "http", "server", "iphon", "phone"]
    );
    assert_eq!(terms("C++ and C# but c+ x"), ["c++", "and", "c#", "but", "c", "x"]);
}

#[test]
fn unspaced_scripts_give_pairs_and_singles() {
    assert_eq!(terms("東京都"), ["東", "東京", "京", "京都", "都"]);
    assert_eq!(query("東京都"), ["東京", "京都"]);
    assert_eq!(query("猫"), ["猫"]);
    assert_eq!(query("3D打印"), ["3d", "打印"]);
    assert_eq!(query("한국어 책"), ["한국", "국어", "책"]);
    let analyzer = Analyzer::new();
    assert_eq!(analyzer.highlight("我住在東京都。", &analyzer.terms("東京都")).first(), Some(&(9..18)));
}

#[test]
fn stop_words_are_dropped_from_queries_unless_alone() {
    assert_eq!(query("what is the flow of air"), ["flow", "air"]);
    assert_eq!(query("to be or not"), ["to", "be", "or", "not"]);
    assert!(query("!?…").is_empty());
    let repeated = Analyzer::new().terms("flow flows air");
    assert_eq!(repeated.iter().map(|term| term.weight).collect::<Vec<_>>(), [2.0, 1.0]);
}

#[test]
fn phrases_need_both_marks() {
    let phrases = |text| Analyzer::new().terms(text).phrases().len();
    assert_eq!(phrases("\"boundary layer\" flow"), 1);
    assert_eq!(phrases("“boundary layer” flow"), 1);
    assert_eq!(phrases("5\" pipe"), 0);
    assert_eq!(phrases("\"pipe\""), 0);
}

#[test]
fn long_words_are_cut_and_not_dropped() {
    let long = "a".repeat(1000);
    let found = terms(&long);
    assert_eq!(found.iter().map(String::len).sum::<usize>(), 1000);
    assert!(found.iter().all(|term| term.len() <= 64));
}

proptest! {
    #[test]
    fn offsets_are_in_order_and_on_character_borders(text in "\\PC{0,60}|[a-zA-Z'’.,#+ 0-9東京é\u{301}_-]{0,60}") {
        let mut last = (0, 0);
        Analyzer::new().tokens(&text, &mut |token| {
            assert!(token.start < token.end, "{token:?}");
            assert!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
            assert!(token.start >= last.0 || token.position >= last.1);
            assert!(token.position >= last.1 || token.start >= last.0);
            assert!(!token.term.is_empty() && token.term.len() <= 80, "{token:?}");
            last = (token.start, token.position);
        });
        let letters = text.chars().any(|c| c.is_ascii_alphanumeric());
        prop_assert!(!letters || !terms(&text).is_empty());
    }

    #[test]
    fn a_text_highlights_its_own_words(text in "[a-zA-Z東京 .]{0,40}") {
        let analyzer = Analyzer::new();
        let set = analyzer.terms(&text);
        let ranges = analyzer.highlight(&text, &set);
        prop_assert_eq!(ranges.is_empty(), set.is_empty());
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
    }
}
