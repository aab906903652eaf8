//! Sentences into chunks: which neighbours stay together. Pure arithmetic on spans and token counts.

use super::ChunkingConfig;
use std::ops::Range;

/// What is never cut again: a sentence, or a piece of one that is too long.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) span: Range<usize>,
    pub(super) tokens: usize,
    pub(super) starts_paragraph: bool,
}

/// Neighbouring units together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pack {
    pub(super) span: Range<usize>,
    pub(super) tokens: usize,
    /// The sections of its first and last unit.
    pub(super) sections: (usize, usize),
}

/// Packs the units of one section: whole paragraphs as near to the target as they come, a paragraph above the maximum in
/// even pieces, and a small remainder with what stands before it.
pub(super) fn pack_section(units: &[Unit], section: usize, config: &ChunkingConfig, out: &mut Vec<Pack>) {
    let first = out.len();
    for paragraph in units.chunk_by(|_, next| !next.starts_paragraph) {
        let tokens: usize = paragraph.iter().map(|unit| unit.tokens).sum();
        let open = out.len() > first;
        if let Some(last) = out.last_mut().filter(|_| open && tokens <= config.max_tokens) {
            let joined = last.tokens + tokens;
            let nearer = joined.abs_diff(config.target_tokens) <= last.tokens.abs_diff(config.target_tokens);
            if joined <= config.max_tokens && (nearer || last.tokens < config.min_tokens) {
                join(last, paragraph, tokens);
                continue;
            }
        }
        if tokens <= config.max_tokens {
            out.extend(new_pack(paragraph, section));
        } else {
            pack_paragraph(paragraph, tokens, section, first, config, out);
        }
    }
    // The remainder of the section.
    if out.len() >= first + 2 {
        merge_last(out, config);
    }
}

/// A paragraph above the maximum, in pieces of about equal size. A small pack before it (its heading) takes part.
fn pack_paragraph(
    paragraph: &[Unit],
    tokens: usize,
    section: usize,
    first: usize,
    config: &ChunkingConfig,
    out: &mut Vec<Pack>,
) {
    let pieces = tokens.div_ceil(config.target_tokens);
    let even = tokens.div_ceil(pieces.max(1));
    let mut may_join = out.len() > first && out.last().is_some_and(|last| last.tokens < config.min_tokens);
    for unit in paragraph {
        let open = out.last_mut().filter(|_| may_join);
        may_join = true;
        if let Some(last) = open {
            let joined = last.tokens + unit.tokens;
            if joined <= config.max_tokens && joined.abs_diff(even) <= last.tokens.abs_diff(even) {
                join(last, std::slice::from_ref(unit), unit.tokens);
                continue;
            }
        }
        out.extend(new_pack(std::slice::from_ref(unit), section));
    }
}

/// Joins sections that are too small to stand alone with the section after them, the last with the one before.
pub(super) fn merge_small(packs: Vec<Pack>, config: &ChunkingConfig) -> Vec<Pack> {
    let mut merged: Vec<Pack> = Vec::with_capacity(packs.len());
    for pack in packs {
        if let Some(last) = merged.last_mut()
            && last.sections.1 != pack.sections.0
            && last.tokens < config.min_tokens
            && last.tokens + pack.tokens <= config.max_tokens
        {
            absorb(last, &pack);
            continue;
        }
        merged.push(pack);
    }
    merge_last(&mut merged, config);
    merged
}

/// The last pack joins the one before it if it is small and that fits.
fn merge_last(packs: &mut Vec<Pack>, config: &ChunkingConfig) {
    let Some(last) = packs.pop() else { return };
    match packs.last_mut() {
        Some(before) if last.tokens < config.min_tokens && before.tokens + last.tokens <= config.max_tokens => {
            absorb(before, &last);
        }
        _ => packs.push(last),
    }
}

fn absorb(pack: &mut Pack, next: &Pack) {
    pack.span.end = next.span.end;
    pack.tokens += next.tokens;
    pack.sections.1 = next.sections.1;
}

fn join(pack: &mut Pack, units: &[Unit], tokens: usize) {
    if let Some(last) = units.last() {
        pack.span.end = last.span.end;
        pack.tokens += tokens;
    }
}

fn new_pack(units: &[Unit], section: usize) -> Option<Pack> {
    let (first, last) = (units.first()?, units.last()?);
    Some(Pack {
        span: first.span.start..last.span.end,
        tokens: units.iter().map(|unit| unit.tokens).sum(),
        sections: (section, section),
    })
}
