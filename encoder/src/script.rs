//! Which writing systems a vocabulary covers.
//!
//! A vocabulary learned from English text holds a few letters of many other scripts, which its model has hardly ever seen. That a token is
//! not the unknown token therefore says little; that the vocabulary is rich in its script says more.

/// A script counts as covered when at least this share of the vocabulary is written in it: multilingual vocabularies give 2 % and more to the
/// scripts they were made for, English ones far less to any but Latin.
const COVERED: f32 = 0.02;

/// A writing system, as coarse as the question needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    Hangul,
    Kana,
    Han,
    Other,
}

const COUNT: usize = Script::Other as usize + 1;

impl Script {
    /// The script of a letter; `None` for what is no letter.
    fn of(letter: char) -> Option<Self> {
        let script = match letter as u32 {
            0x41..=0x24F | 0x1E00..=0x1EFF | 0xFF21..=0xFF5A => Self::Latin,
            0x370..=0x3FF | 0x1F00..=0x1FFF => Self::Greek,
            0x400..=0x52F => Self::Cyrillic,
            0x590..=0x5FF => Self::Hebrew,
            0x600..=0x77F | 0x8A0..=0x8FF => Self::Arabic,
            0x900..=0xDFF => Self::Indic,
            0xE00..=0xE7F => Self::Thai,
            0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7AF => Self::Hangul,
            0x3040..=0x30FF | 0xFF66..=0xFF9D => Self::Kana,
            0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => Self::Han,
            _ => Self::Other,
        };
        letter.is_alphabetic().then_some(script)
    }
}

/// The scripts a vocabulary covers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scripts([bool; COUNT]);

impl Scripts {
    /// Counts the words of a vocabulary by the script they begin in.
    pub(crate) fn of<'a>(vocabulary: impl Iterator<Item = &'a str>) -> Self {
        let (mut words, mut by_script) = (0_u32, [0_u32; COUNT]);
        for script in vocabulary.filter_map(|word| word.chars().find_map(Script::of)) {
            words += 1;
            if let Some(count) = by_script.get_mut(script as usize) {
                *count += 1;
            }
        }
        Self(by_script.map(|count| count > 0 && count as f32 >= COVERED * words as f32))
    }

    /// Letters of a text, and how many of them are in scripts that are not covered.
    pub(crate) fn letters(self, text: &str) -> (usize, usize) {
        let covered = |script: Script| self.0.get(script as usize).copied().unwrap_or(false);
        let letters = text.chars().filter_map(Script::of);
        letters.fold((0, 0), |(all, foreign), script| (all + 1, foreign + usize::from(!covered(script))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_of_a_script_do_not_cover_it() {
        let english =
            (0..1_000).map(|i| format!("word{i}")).chain(["中", "国", "α", "##é", "7", "!"].map(String::from));
        let english: Vec<String> = english.collect();
        let scripts = Scripts::of(english.iter().map(String::as_str));
        assert_eq!(scripts.letters("Été 2010, naïve"), (8, 0));
        assert_eq!(scripts.letters("2010 年中国"), (3, 3));
        assert_eq!(scripts.letters("α-helix"), (6, 1));
        let mixed = ["a", "b", "中"];
        assert_eq!(Scripts::of(mixed.into_iter()).letters("中国 a"), (3, 0));
        assert_eq!(Scripts::default().letters("12 + 3"), (0, 0));
    }
}
