//! English stemming (Snowball's second Porter stemmer) and stop words, behind a small cache: text repeats its words, and stemming is
//! the dear part of analysing it.

use std::cell::RefCell;

use frostem::{Algorithm, Stemmer};

use super::{Role, stop};

/// Entries of the cache, a power of two; about 200 KiB a thread.
const ENTRIES: usize = 4096;
/// Longest word, and longest stem, that is cached.
const SLOT: usize = 24;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache::new());
}

/// Appends the stem of a folded `word` and says whether it is a stop word. Words that are not lower-case ASCII letters, and stop words,
/// stay as they are: "being" must not become "be".
pub(super) fn push(word: &str, out: &mut String) -> Role {
    CACHE.with_borrow_mut(|cache| cache.push(word, out))
}

/// A short word without NUL, padded with them.
type Packed = [u64; SLOT / 8];

#[derive(Clone, Copy)]
struct Entry {
    word: Packed,
    stem: [u8; SLOT],
    stem_length: u8,
    role: Role,
}

/// Direct-mapped: a collision overwrites, which costs time and never correctness.
struct Cache {
    stemmer: Stemmer,
    entries: Vec<Entry>,
}

impl Cache {
    fn new() -> Self {
        let empty = Entry { word: [0; SLOT / 8], stem: [0; SLOT], stem_length: 0, role: Role::Word };
        Self { stemmer: Stemmer::new(Algorithm::English), entries: vec![empty; ENTRIES] }
    }

    fn push(&mut self, word: &str, out: &mut String) -> Role {
        let Some(packed) = pack(word) else { return self.compute(word, out) };
        let place = place(&packed);
        let entry = &self.entries[place];
        if entry.word == packed {
            out.push_str(std::str::from_utf8(&entry.stem[..usize::from(entry.stem_length)]).unwrap_or_default());
            return entry.role;
        }
        let begin = out.len();
        let role = self.compute(word, out);
        let stem = &out.as_bytes()[begin..];
        let entry = &mut self.entries[place];
        if let Some(room) = entry.stem.get_mut(..stem.len()) {
            room.copy_from_slice(stem);
            entry.stem_length = stem.len() as u8;
            entry.word = packed;
            entry.role = role;
        }
        role
    }

    fn compute(&self, word: &str, out: &mut String) -> Role {
        if stop::is_stop(word) {
            out.push_str(word);
            return Role::Stop;
        }
        if word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            out.push_str(&self.stemmer.stem(word));
        } else {
            out.push_str(word);
        }
        Role::Word
    }
}

fn pack(word: &str) -> Option<Packed> {
    let mut bytes = [0_u8; SLOT];
    bytes.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
    let mut packed = [0; SLOT / 8];
    for (part, bytes) in packed.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *part = u64::from_le_bytes(*bytes);
    }
    Some(packed)
}

fn place(packed: &Packed) -> usize {
    let mixed =
        packed.iter().fold(0_u64, |hash, part| (hash.rotate_left(23) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    (mixed >> 52) as usize % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_answer_is_the_answer() {
        for word in
            ["running", "flows", "analyses", "being", "x86", "pneumonoultramicroscopicsilicovolcanoconiosis", "день"]
        {
            let (mut first, mut second) = (String::new(), String::new());
            let roles = (push(word, &mut first), push(word, &mut second));
            assert_eq!(roles.0, roles.1);
            assert_eq!(first, second);
            assert_eq!(roles.0 == Role::Stop, word == "being");
            if roles.0 == Role::Word && word.is_ascii() {
                assert_eq!(first, Stemmer::new(Algorithm::English).stem(word));
            }
        }
    }
}
