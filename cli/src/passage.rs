//! A passage on the screen: cut around what matched, wrapped to the width, the words in bold and the best sentence underlined.

use std::ops::Range;

use neodex::search::snippet;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::Output;

/// Words of the query.
const WORD: u8 = 1;
/// The sentence that answers best.
const SENTENCE: u8 = 2;

/// A character and how it is shown.
type Cell = (char, u8);

/// The lines of `text` to show, at most `lines` of `width` columns, without indentation.
pub(crate) fn lines(
    output: &Output,
    text: &str,
    highlights: &[Range<usize>],
    sentence: Option<Range<usize>>,
    width: usize,
    lines: usize,
) -> Vec<String> {
    // Scripts of double width get half the characters; a little is left for the ragged right edge.
    let wide = text.width() > text.chars().count() * 3 / 2;
    let most = (width * lines).saturating_sub(width / 3) / if wide { 2 } else { 1 };
    let cut = snippet::cut(text, highlights, sentence, most);
    let part = text.get(cut.range.clone()).unwrap_or_default();
    let mut words = words(part, |at| {
        let inside = |range: &Range<usize>| range.contains(&at);
        u8::from(cut.highlights.iter().any(inside)) * WORD
            + u8::from(cut.sentence.as_ref().is_some_and(inside)) * SENTENCE
    });
    if cut.truncated_start
        && let Some(first) = words.first_mut()
    {
        first.insert(0, ('…', 0));
    }
    if cut.truncated_end
        && let Some(last) = words.last_mut()
    {
        last.push(('…', 0));
    }
    let mut wrapped = wrap(words, width);
    if wrapped.len() > lines {
        wrapped.truncate(lines);
        if let Some(last) = wrapped.last_mut() {
            last.pop();
            last.push(('…', 0));
        }
    }
    wrapped.iter().map(|line| paint(output, line)).collect()
}

/// The words between white space, each character with the style of its byte.
fn words(text: &str, style: impl Fn(usize) -> u8) -> Vec<Vec<Cell>> {
    let mut words = vec![Vec::new()];
    for (at, character) in text.char_indices() {
        if character.is_whitespace() {
            if words.last().is_some_and(|word| !word.is_empty()) {
                words.push(Vec::new());
            }
        } else if !character.is_control()
            && let Some(word) = words.last_mut()
        {
            word.push((character, style(at)));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn columns(cell: &Cell) -> usize {
    cell.0.width().unwrap_or(0)
}

/// Fills lines with words; a word longer than a line, such as Chinese without spaces, is broken where the line ends.
fn wrap(words: Vec<Vec<Cell>>, width: usize) -> Vec<Vec<Cell>> {
    let mut lines: Vec<Vec<Cell>> = Vec::new();
    let mut line: Vec<Cell> = Vec::new();
    let mut used = 0;
    for word in words {
        let length: usize = word.iter().map(columns).sum();
        let gap = usize::from(!line.is_empty());
        if used + gap + length > width && !line.is_empty() && (length <= width || used + 2 > width) {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if let (Some(before), Some(first)) = (line.last(), word.first()) {
            // The space belongs to a style only if both its neighbours do.
            line.push((' ', before.1 & first.1 & SENTENCE));
            used += 1;
        }
        for cell in word {
            if used + columns(&cell) > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            used += columns(&cell);
            line.push(cell);
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines
}

fn paint(output: &Output, line: &[Cell]) -> String {
    let mut painted = String::new();
    for run in line.chunk_by(|a, b| a.1 == b.1) {
        let text: String = run.iter().map(|cell| cell.0).collect();
        let code = match run.first().map_or(0, |cell| cell.1) {
            0 => None,
            WORD => Some("1;33"),
            SENTENCE => Some("4"),
            _ => Some("1;4;33"),
        };
        painted += &code.map_or(text.clone(), |code| output.styled(code, &text));
    }
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(colours: bool) -> Output {
        Output {
            json: false,
            quiet: false,
            verbose: false,
            terminal: colours,
            colours,
            log_colours: false,
            width: 80,
            progress: false,
        }
    }

    #[test]
    fn short_passages_are_shown_whole_on_their_lines() {
        let shown = lines(&output(false), "One  two\nthree four", &[], None, 9, 3);
        assert_eq!(shown, ["One two", "three", "four"]);
    }

    #[test]
    fn words_are_bold_and_the_sentence_underlined() {
        let shown = lines(&output(true), "ab cd. ef gh.", std::slice::from_ref(&(3..5)), Some(0..6), 40, 3);
        assert_eq!(shown, ["\x1b[4mab \x1b[0m\x1b[1;4;33mcd\x1b[0m\x1b[4m.\x1b[0m ef gh."]);
    }

    #[test]
    fn long_passages_are_cut_to_the_lines() {
        let text = "word ".repeat(200) + "needle " + &"word ".repeat(200);
        let at = text.find("needle").unwrap_or_default();
        let shown = lines(&output(false), &text, std::slice::from_ref(&(at..at + 6)), None, 40, 3);
        assert!(shown.len() <= 3 && shown.iter().all(|line| line.width() <= 41), "{shown:?}");
        assert!(shown.concat().contains("needle") && shown.concat().starts_with('…'), "{shown:?}");
    }

    #[test]
    fn scripts_without_spaces_are_broken_anywhere_and_control_characters_are_gone() {
        let shown = lines(&output(false), &"汉字".repeat(30), &[], None, 20, 2);
        assert!(shown.len() == 2 && shown.iter().all(|line| line.width() <= 21), "{shown:?}");
        assert_eq!(lines(&output(true), "a\x1b[2Jb", &[], None, 20, 2), ["a[2Jb"]);
    }
}
