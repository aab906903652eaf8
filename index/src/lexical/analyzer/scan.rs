//! The scanner: walks over a text and yields it unit by unit, where a unit is one word with its parts, or one character of a script
//! without spaces with the pair it begins. Memory is one unit, however long the text.

use super::script::{Class, class};
use super::{Role, Token, fold, stem};

/// Longest term in bytes before a word is cut into pieces.
const LONGEST: usize = 64;

/// The tokens of one unit, in reused buffers.
#[derive(Debug, Default)]
pub(super) struct Unit {
    terms: String,
    pieces: Vec<Piece>,
    word: String,
    borders: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Piece {
    start: usize,
    end: usize,
    term: (usize, usize),
    position: u32,
    role: Role,
}

impl Unit {
    /// The tokens, in order.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Token<'_>> {
        (0..self.pieces.len()).filter_map(|at| self.token(at))
    }

    /// The token at `index`.
    pub(super) fn token(&self, index: usize) -> Option<Token<'_>> {
        self.pieces.get(index).map(|piece| Token {
            start: piece.start,
            end: piece.end,
            term: &self.terms[piece.term.0..piece.term.1],
            position: piece.position,
            role: piece.role,
        })
    }

    fn clear(&mut self) {
        self.terms.clear();
        self.pieces.clear();
        self.word.clear();
        self.borders.clear();
    }

    /// Adds the folded word `self.word[from..to]`, stemmed where that means anything.
    fn push_word(&mut self, span: (usize, usize), (from, to): (usize, usize), position: u32) {
        let begin = self.terms.len();
        let role = stem::push(&self.word[from..to], &mut self.terms);
        let term = (begin, self.terms.len());
        self.pieces.push(Piece { start: span.0, end: span.1, term, position, role });
    }

    fn push_characters(&mut self, span: (usize, usize), characters: &str, position: u32, role: Role) {
        let begin = self.terms.len();
        for c in characters.chars().filter(|&c| class(c) != Class::Mark) {
            fold::push(c, &mut self.terms);
        }
        let term = (begin, self.terms.len());
        self.pieces.push(Piece { start: span.0, end: span.1, term, position, role });
    }
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    position: u32,
    /// Whether the character before `at` belongs to the same unspaced run.
    in_run: bool,
}

impl<'t> Cursor<'t> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, position: 0, in_run: false }
    }

    /// Fills `unit` with the next unit; false at the end.
    pub(super) fn next_unit(&mut self, unit: &mut Unit) -> bool {
        let bytes = self.text.as_bytes();
        unit.clear();
        while let Some(&byte) = bytes.get(self.at) {
            if byte.is_ascii() {
                if byte.is_ascii_alphanumeric() {
                    self.word(unit);
                    return true;
                }
                self.at += 1;
                self.in_run = false;
                continue;
            }
            let Some(c) = self.text[self.at..].chars().next() else { return false };
            match class(c) {
                Class::Word => {
                    self.word(unit);
                    return true;
                }
                Class::Unspaced => {
                    self.unspaced(c, unit);
                    return true;
                }
                Class::Mark => self.at += c.len_utf8(),
                Class::Other => {
                    self.at += c.len_utf8();
                    self.in_run = false;
                }
            }
        }
        false
    }

    /// One character of an unspaced run: itself, and the pair it begins.
    fn unspaced(&mut self, c: char, unit: &mut Unit) {
        let start = self.at;
        let single = start + c.len_utf8();
        let mut pair = None;
        let mut next_at = single;
        for next in self.text[single..].chars() {
            match class(next) {
                // Marks between the two belong to the first.
                Class::Mark => next_at += next.len_utf8(),
                Class::Unspaced => {
                    pair = Some(next_at + next.len_utf8());
                    break;
                }
                Class::Word | Class::Other => break,
            }
        }
        let alone = pair.is_none() && !self.in_run;
        let role = if alone { Role::Word } else { Role::Single };
        unit.push_characters((start, single), &self.text[start..single], self.position, role);
        if let Some(end) = pair {
            unit.push_characters((start, end), &self.text[start..end], self.position, Role::Word);
        }
        self.in_run = pair.is_some();
        self.position = self.position.saturating_add(1);
        self.at = next_at;
    }

    /// One word with its parts.
    fn word(&mut self, unit: &mut Unit) {
        let (start, end) = self.fold_word(unit);
        self.in_run = false;
        if unit.word.is_empty() {
            return;
        }
        unit.push_word((start, end), (0, unit.word.len()), self.position);
        let mut parts = 0;
        if !unit.borders.is_empty() {
            unit.borders.push((unit.word.len(), end));
            let mut from = (0, start);
            for index in 0..unit.borders.len() {
                let to = unit.borders[index];
                if to.0 - from.0 > 1 {
                    unit.push_word((from.1, to.1), (from.0, to.0), self.position.saturating_add(parts));
                    parts += 1;
                }
                from = to;
            }
        }
        self.position = self.position.saturating_add(parts.max(1));
    }

    /// Reads one word into `unit.word`, with the borders of its camel-cased parts; returns its span and leaves `at` behind it.
    fn fold_word(&mut self, unit: &mut Unit) -> (usize, usize) {
        let start = self.at;
        let mut end = start;
        let mut number = true;
        let mut before = Case::None;
        while unit.word.len() < LONGEST {
            let run = self.ascii_run(unit, &mut before);
            if run > 0 {
                number &= self.text.as_bytes()[self.at..self.at + run].iter().all(u8::is_ascii_digit);
                self.at += run;
                end = self.at;
                continue;
            }
            let Some(c) = self.text[self.at..].chars().next() else { break };
            let width = c.len_utf8();
            match class(c) {
                Class::Word => {
                    let case = Case::of(c);
                    let breaks = match (before, case) {
                        (Case::Lower, Case::Upper) => true,
                        // `HTTPServer`: the last capital begins the next part.
                        (Case::Upper, Case::Upper) => {
                            self.text[self.at + width..].starts_with(|c: char| c.is_lowercase())
                        }
                        _ => false,
                    };
                    if breaks {
                        unit.borders.push((unit.word.len(), self.at));
                    }
                    number &= c.is_ascii_digit();
                    before = case;
                    fold::push(c, &mut unit.word);
                    self.at += width;
                    end = self.at;
                }
                Class::Mark => self.at += width,
                Class::Other if number && self.joins_digits(c) => {
                    if c == '.' {
                        unit.word.push('.');
                    }
                    self.at += width;
                }
                Class::Other if matches!(c, '\'' | '’') => {
                    end = self.contraction(width, unit, end);
                    break;
                }
                Class::Other => {
                    end = self.sharp_or_plus(unit, end);
                    break;
                }
                Class::Unspaced => break,
            }
        }
        (start, end)
    }

    /// Appends the ASCII letters and digits at the cursor, the common case, and returns how many there are.
    fn ascii_run(&self, unit: &mut Unit, before: &mut Case) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let room = LONGEST - unit.word.len();
        let run = rest.iter().take(room).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let Some(last) = run.checked_sub(1) else { return 0 };
        let begin = unit.word.len();
        unit.word.push_str(&self.text[self.at..self.at + run]);
        unit.word[begin..].make_ascii_lowercase();
        if *before == Case::None && !rest[1..run].iter().any(u8::is_ascii_uppercase) {
            *before = Case::of(char::from(rest[last]));
            return run;
        }
        for (index, &byte) in rest[..run].iter().enumerate() {
            let case = Case::of(char::from(byte));
            let next_is_lower = rest.get(index + 1).is_some_and(u8::is_ascii_lowercase);
            if case == Case::Upper && (*before == Case::Lower || (*before == Case::Upper && next_is_lower)) {
                unit.borders.push((begin + index, self.at + index));
            }
            *before = case;
        }
        run
    }

    /// `3.14` and `1,000`: whether the point or comma at the cursor lies inside a number.
    fn joins_digits(&self, c: char) -> bool {
        let rest = &self.text.as_bytes()[self.at + c.len_utf8()..];
        let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        (c == '.' && digits > 0) || (c == ',' && digits == 3)
    }

    /// At an apostrophe: drops the ending of `author's` and `we'll`, joins `don't`; any other apostrophe is a boundary, as in `l'eau`.
    fn contraction(&mut self, width: usize, unit: &mut Unit, end: usize) -> usize {
        let rest = &self.text[self.at + width..];
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).take(3).count();
        if rest[length..].starts_with(|c| class(c) != Class::Other) {
            return end;
        }
        match rest[..length].to_ascii_lowercase().as_str() {
            "t" if unit.word.ends_with('n') => {
                unit.word.push('t');
                unit.borders.clear();
                self.at += width + length;
                self.at
            }
            "s" | "d" | "m" | "ll" | "re" | "ve" => {
                self.at += width + length;
                end
            }
            _ => end,
        }
    }

    /// `C++`, `C#`, `F#`: one letter with its sign.
    fn sharp_or_plus(&mut self, unit: &mut Unit, end: usize) -> usize {
        if unit.word.len() != 1 || !unit.word.starts_with(|c: char| c.is_ascii_lowercase()) {
            return end;
        }
        let rest = &self.text[self.at..];
        for sign in ["++", "#"] {
            if let Some(after) = rest.strip_prefix(sign)
                && !after.starts_with(|c| class(c) != Class::Other)
            {
                unit.word.push_str(sign);
                self.at += sign.len();
                return self.at;
            }
        }
        end
    }
}

/// What a letter says about camel case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    None,
    Lower,
    Upper,
}

impl Case {
    fn of(c: char) -> Case {
        if c.is_lowercase() {
            Case::Lower
        } else if c.is_uppercase() {
            Case::Upper
        } else {
            Case::None
        }
    }
}
