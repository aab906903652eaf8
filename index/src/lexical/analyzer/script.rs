//! Which characters make words, which are words themselves, and which are only marks on others.

/// What a character does to word boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Part of a word that spaces delimit.
    Word,
    /// Of a script written without spaces, or whose words carry their grammar (Korean): indexed in pairs.
    Unspaced,
    /// A combining mark or a joiner: belongs to the character before and is not indexed.
    Mark,
    /// Everything else: a boundary.
    Other,
}

/// The class of a character.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Word } else { Class::Other };
    }
    let code = u32::from(c);
    match code {
        0x0300..=0x036F | 0x00AD | 0x200B..=0x200D | 0x2060 | 0xFE00..=0xFE0F | 0xFEFF => Class::Mark,
        // Vowel points of Hebrew and Arabic, the virama and nukta of Indic scripts.
        0x0483..=0x0489 | 0x0591..=0x05BD | 0x05BF | 0x05C1..=0x05C2 | 0x0610..=0x061A | 0x0640 => Class::Mark,
        0x064B..=0x065F | 0x0670 | 0x06D6..=0x06DC | 0x06DF..=0x06E8 | 0x06EA..=0x06ED => Class::Mark,
        0x093C | 0x094D | 0x09BC | 0x09CD | 0x0A3C | 0x0A4D | 0x0ABC | 0x0ACD | 0x0B3C | 0x0B4D => Class::Mark,
        0x0BCD | 0x0C4D | 0x0CCD | 0x0D4D | 0x0DCA | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF => Class::Mark,
        0x0E47..=0x0E4E | 0x0EC8..=0x0ECD | 0x1037..=0x103A | 0x17C6..=0x17D3 | 0xFE20..=0xFE2F => Class::Mark,
        // Thai, Lao, Myanmar and Khmer letters.
        0x0E01..=0x0E3A | 0x0E40..=0x0E46 | 0x0E81..=0x0EC6 | 0x1000..=0x103F | 0x1780..=0x17C5 => Class::Unspaced,
        // Hangul letters and syllables.
        0x1100..=0x11FF | 0x3131..=0x318E | 0xA960..=0xA97C | 0xAC00..=0xD7FB => Class::Unspaced,
        // Kana, Bopomofo, the repetition marks.
        0x3005..=0x3007 | 0x3041..=0x3096 | 0x309D..=0x309F | 0x30A1..=0x30FA | 0x30FC..=0x312F => Class::Unspaced,
        0x31A0..=0x31BF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F => Class::Unspaced,
        // Han.
        0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF => Class::Unspaced,
        _ if c.is_alphanumeric() => Class::Word,
        _ => Class::Other,
    }
}
