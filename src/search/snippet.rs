//! The passage to show of a chunk: a window that is small enough to read, where the words that matched stand closest together.
//!
//! Candidates begin where a sentence begins, or a little before a match that lies deep in a long one, and end at the last sentence or
//! word that fits. The best of them shows the most of the sentence nearest in meaning, if there is one; of equals the one with the most
//! different words of the query, then one that begins a sentence, then the one with the most matches, then the one that does not have
//! them at its very edge. Where the passage was cut is told and not written into it: the `…` belongs to whoever prints it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Range;

/// A part of a text, chosen to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snippet {
    /// The part of the text, in bytes.
    pub range: Range<usize>,
    /// The matched words in it, in bytes from its start; sorted, none overlapping.
    pub highlights: Vec<Range<usize>>,
    /// What it shows of the best sentence, in bytes from its start.
    pub sentence: Option<Range<usize>>,
    /// Whether text before it was left out.
    pub truncated_start: bool,
    /// Whether text after it was left out.
    pub truncated_end: bool,
}

/// Chooses at most `max_chars` characters of `text` around `highlights`, the byte ranges of the matched words in any order, and
/// `best_sentence`, the byte range of the sentence to show if possible.
///
/// Ranges that reach beyond the text or into a character are narrowed to the whole characters they cover, and blank ones left out.
pub fn cut(text: &str, highlights: &[Range<usize>], best_sentence: Option<Range<usize>>, max_chars: usize) -> Snippet {
    let highlights = tidy(text, highlights);
    let sentence = best_sentence.map(|sentence| inside(text, &sentence)).filter(|sentence| !sentence.is_empty());
    let whole = trim(text, 0..text.len());
    let chosen = if fits(text, &whole, max_chars) {
        whole.clone()
    } else {
        choose(text, &whole, &highlights, sentence.as_ref(), max_chars)
    };
    Snippet {
        highlights: overlapping(&highlights, &chosen).filter_map(|highlight| shift(highlight, &chosen)).collect(),
        sentence: sentence.and_then(|sentence| shift(&sentence, &chosen)),
        truncated_start: chosen.start > whole.start,
        truncated_end: chosen.end < whole.end,
        range: chosen,
    }
}

/// How good a window is; larger is better, field by field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Merit {
    /// Tenths of what could be shown of the best sentence.
    sentence: usize,
    different_words: usize,
    begins_sentence: bool,
    matches: usize,
    /// How far what is shown for its own sake begins from a quarter of the way in, which leaves room to read before and after it.
    off_centre: Reverse<usize>,
}

fn choose(
    text: &str,
    whole: &Range<usize>,
    highlights: &[Range<usize>],
    sentence: Option<&Range<usize>>,
    max_chars: usize,
) -> Range<usize> {
    let sentences = sentence_starts(text);
    let mut starts: Vec<(usize, bool)> = sentences.iter().map(|&start| (start, true)).collect();
    starts.extend([whole.start].into_iter().chain(sentence.map(|sentence| sentence.start)).map(|start| (start, true)));
    // A quarter of the window is kept for what leads to the match.
    starts.extend(highlights.iter().map(|highlight| (word_start_before(text, highlight.start, max_chars / 4), false)));
    starts.retain(|(start, _)| whole.contains(start));

    let mut best: Option<(Merit, Range<usize>)> = None;
    for (start, begins_sentence) in starts {
        let window = trim(text, start..window_end(text, start, max_chars, &sentences));
        let shown = overlapping(highlights, &window);
        let words: HashSet<String> = shown.clone().filter_map(|h| text.get(h.clone())).map(str::to_lowercase).collect();
        let subject = shown.clone().next().or(sentence).map_or(window.start, |range| range.start.max(window.start));
        let merit = Merit {
            sentence: sentence.map_or(0, |sentence| tenths_shown(sentence, &window)),
            different_words: words.len(),
            begins_sentence,
            matches: shown.count(),
            off_centre: Reverse((subject - window.start).abs_diff(window.len() / 4)),
        };
        let better =
            best.as_ref().is_none_or(|(most, first)| merit > *most || (merit == *most && window.start < first.start));
        if better {
            best = Some((merit, window));
        }
    }
    best.map_or(whole.start..whole.start, |(_, window)| window)
}

/// Where a window from `start` ends: behind the last sentence that fits, if that leaves at least half of it, else behind the last word,
/// else after `max_chars` characters.
fn window_end(text: &str, start: usize, max_chars: usize, sentences: &[usize]) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let Some(most) = rest.char_indices().nth(max_chars).map(|(at, _)| start + at) else { return text.len() };
    let half = start + (most - start) / 2;
    let after = sentences.partition_point(|&sentence| sentence <= most);
    if let Some(&end) = after.checked_sub(1).and_then(|last| sentences.get(last))
        && end > half
    {
        return end;
    }
    let backwards = text.floor_char_boundary(half);
    let borders = text.get(backwards..most).unwrap_or_default().char_indices().map(|(at, _)| backwards + at);
    // The place after the last character counts, too.
    borders.chain([most]).rev().find(|&at| at > start && is_word_border(text, at)).unwrap_or(most)
}

/// The start of a word at most `chars` characters before `at`, or `at` itself.
fn word_start_before(text: &str, at: usize, chars: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let reach = before.char_indices().rev().take(chars).last().map_or(at, |(from, _)| from);
    let starts = before.get(reach..).unwrap_or_default().char_indices().map(|(offset, _)| reach + offset);
    starts.filter(|&from| begins_word(text, from)).find(|&from| is_word_border(text, from)).unwrap_or(at)
}

fn begins_word(text: &str, at: usize) -> bool {
    text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric)
}

/// Whether a text may be cut at `at`: not between two letters or digits, unless they are of a script that writes no spaces, and never
/// before a mark that belongs to the character before it.
fn is_word_border(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let after = text.get(at..).and_then(|after| after.chars().next());
    let (Some(before), Some(after)) = (before, after) else { return true };
    if is_mark(after) || before == '\u{200D}' {
        return false;
    }
    let joined = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '_') || is_mark(c);
    !joined(before) || !joined(after) || is_unspaced(before) || is_unspaced(after)
}

fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36F}' | '\u{200D}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}')
}

/// Han, Kana and Thai, whose words stand without spaces between them.
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{0E00}'..='\u{0E7F}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{3FFFD}'
    )
}

/// What lies between the last word read and the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Nothing that ends a sentence.
    Inside,
    /// Punctuation that ends one if a space follows.
    Closed,
    /// A line end, which ends a heading or an item of a list, but not a sentence that is wrapped.
    Line,
    /// The end of a sentence.
    Open,
}

/// Where sentences begin. Abbreviations make some too many, which costs a passage nothing but a less pleasant beginning.
fn sentence_starts(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut gap = Gap::Open;
    for (at, character) in text.char_indices() {
        gap = match (gap, character) {
            (Gap::Inside, '\n') => Gap::Line,
            (_, '\n') => Gap::Open,
            (Gap::Closed, character) if character.is_whitespace() => Gap::Open,
            (gap, character) if character.is_whitespace() => gap,
            (_, '.' | '!' | '?' | '…') => Gap::Closed,
            // Scripts that write no spaces after it.
            (_, '。' | '！' | '？') => Gap::Open,
            // Closing quotes and brackets belong to the sentence they end.
            (Gap::Closed, '"' | '\'' | ')' | ']' | '”' | '’' | '»') => Gap::Closed,
            (Gap::Open, '」' | '』' | '）') => Gap::Open,
            (gap, character) => {
                if gap == Gap::Open || (gap == Gap::Line && !character.is_lowercase()) {
                    starts.push(at);
                }
                Gap::Inside
            }
        };
    }
    starts
}

/// `range` without the white space at its ends.
fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

fn fits(text: &str, range: &Range<usize>, max_chars: usize) -> bool {
    text.get(range.clone()).unwrap_or_default().chars().nth(max_chars).is_none()
}

/// The whole characters that `range` covers, without the white space at its ends.
fn inside(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text.ceil_char_boundary(range.start.min(text.len()));
    trim(text, start..text.floor_char_boundary(range.end).max(start))
}

/// Sorted, on whole characters, none empty or blank, none overlapping.
fn tidy(text: &str, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut all: Vec<_> = ranges.iter().map(|range| inside(text, range)).filter(|range| !range.is_empty()).collect();
    all.sort_unstable_by_key(|range| (range.start, range.end));
    let mut tidied: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match tidied.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => tidied.push(range),
        }
    }
    tidied
}

/// Those of the tidy `ranges` that share a character with `window`.
fn overlapping<'a>(
    ranges: &'a [Range<usize>],
    window: &Range<usize>,
) -> impl Iterator<Item = &'a Range<usize>> + Clone + use<'a> {
    let from = ranges.partition_point(|range| range.end <= window.start);
    let to = ranges.partition_point(|range| range.start < window.end);
    ranges.get(from..to).unwrap_or_default().iter()
}

/// The part of `range` in `window`, from the start of `window`.
fn shift(range: &Range<usize>, window: &Range<usize>) -> Option<Range<usize>> {
    let (start, end) = (range.start.max(window.start), range.end.min(window.end));
    (start < end).then(|| start - window.start..end - window.start)
}

/// How many tenths of `sentence`, or of what of it could fit, `window` shows.
fn tenths_shown(sentence: &Range<usize>, window: &Range<usize>) -> usize {
    let shown = shift(sentence, window).map_or(0, |shown| shown.len());
    shown * 10 / sentence.len().min(window.len()).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    /// Every place of `word` in `text`.
    fn places(text: &str, word: &str) -> Vec<Range<usize>> {
        text.match_indices(word).map(|(at, word)| at..at + word.len()).collect()
    }

    fn shown<'a>(text: &'a str, snippet: &Snippet) -> &'a str {
        &text[snippet.range.clone()]
    }

    #[test]
    fn a_text_that_fits_is_shown_whole_without_the_space_around_it() {
        let text = "  Two words.\n";
        let snippet = cut(text, &places(text, "words"), Some(2..12), 10);
        assert_eq!(shown(text, &snippet), "Two words.");
        assert_eq!((snippet.highlights, snippet.sentence), (places("Two words.", "words"), Some(0..10)));
        assert!(!snippet.truncated_start && !snippet.truncated_end);
    }

    #[test]
    fn the_window_lies_where_the_most_different_words_are() {
        let text = "The graph is old. The graph, the graph and the graph. A layered graph is searched greedily. It ends there.";
        let mut highlights = places(text, "graph");
        highlights.extend(places(text, "layered"));
        let snippet = cut(text, &highlights, None, 40);
        assert_eq!(shown(text, &snippet), "A layered graph is searched greedily.");
        assert_eq!(snippet.highlights, [2..9, 10..15]);
        assert!(snippet.truncated_start && snippet.truncated_end);
    }

    #[test]
    fn the_best_sentence_is_shown_even_where_the_words_are_not() {
        let text = "Cats sleep. Cats eat. Cats play. Felines have been living with people for long. Dogs bark at them.";
        let sentence = text.find("Felines").unwrap()..text.find(" Dogs").unwrap();
        let snippet = cut(text, &places(text, "Cats"), Some(sentence.clone()), 60);
        assert!(shown(text, &snippet).contains(&text[sentence]), "{}", shown(text, &snippet));
        let marked = snippet.sentence.clone().unwrap();
        assert_eq!(&shown(text, &snippet)[marked], "Felines have been living with people for long.");
    }

    #[test]
    fn a_long_sentence_is_cut_between_words() {
        let text = format!("{}needle {}", "before ".repeat(50), "after ".repeat(50));
        let snippet = cut(&text, &places(&text, "needle"), None, 40);
        let part = shown(&text, &snippet);
        assert!(part.split(' ').all(|word| ["before", "needle", "after"].contains(&word)), "{part}");
        assert!(part.starts_with("before") && part.ends_with("after") && part.len() > 30, "{part}");
        assert_eq!(&part[snippet.highlights[0].clone()], "needle");
        // A sentence longer than the window is shown where its words are.
        let snippet = cut(&text, &places(&text, "needle"), Some(0..text.len()), 40);
        assert!(shown(&text, &snippet).contains("needle"));
    }

    #[test]
    fn scripts_without_spaces_are_cut_anywhere_and_wrapped_lines_are_not_sentences() {
        let text = "这是第一句话。图索引是一种分层结构，用于向量检索。最后一句在这里。";
        let snippet = cut(text, &places(text, "分层"), None, 20);
        assert_eq!(shown(text, &snippet), "图索引是一种分层结构，用于向量检索。");
        assert_eq!(sentence_starts("One line\nwraps here. \"Two.\" Three\n- item\n\nfour"), [0, 21, 28, 34, 42]);
    }

    #[test]
    fn nothing_matched_shows_the_beginning_and_no_room_shows_nothing() {
        let text = "First sentence here. Second sentence here.";
        assert_eq!(shown(text, &cut(text, &[], None, 30)), "First sentence here.");
        let snippet = cut(text, &places(text, "Second"), None, 0);
        assert!(snippet.range.is_empty() && snippet.highlights.is_empty() && snippet.truncated_end);
        assert_eq!(cut("", &[], Some(3..9), 10), Snippet::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn every_snippet_is_a_part_of_the_text_and_fits(
            text in prop_oneof!["[ab .\n]{0,80}", "[a-cé名。 e\u{301}\u{200D}😀.]{0,60}", "\\PC{0,60}"],
            highlights in prop::collection::vec((0usize..200, 0usize..12), 0..8),
            sentence in prop::option::of((0usize..200, 0usize..60)),
            max_chars in 0usize..50,
        ) {
            let highlights: Vec<_> = highlights.into_iter().map(|(start, len)| start..start + len).collect();
            let snippet = cut(&text, &highlights, sentence.map(|(start, len)| start..start + len), max_chars);
            let part = text.get(snippet.range.clone());
            prop_assert!(part.is_some_and(|part| part.chars().count() <= max_chars && part == part.trim()));
            let part = part.unwrap();
            let mut marked = snippet.highlights.iter().chain(&snippet.sentence);
            prop_assert!(marked.all(|range| !range.is_empty() && part.get(range.clone()).is_some()));
            prop_assert!(snippet.highlights.windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert_eq!(snippet.truncated_start, !text[..snippet.range.start].trim().is_empty());
            prop_assert_eq!(snippet.truncated_end, !text[snippet.range.end..].trim().is_empty());
            // With room for it, something that matched is always in sight.
            let visible = highlights.iter().any(|range| !inside(&text, range).is_empty());
            if max_chars > 0 && sentence.is_none() && visible {
                prop_assert!(!snippet.highlights.is_empty());
            }
        }
    }
}
