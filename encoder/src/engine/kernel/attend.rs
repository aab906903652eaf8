//! One head of one sequence: bf16 products and a softmax between them, a block of queries and a run of keys at a time.
//!
//! A row's maximum and sum are carried from one run of keys to the next and what was mixed so far is scaled down when a larger score
//! appears, so that the scores of a long sequence are never all there at once.

use super::exp::exp2;
use super::lines::{Floats, HalfStep, Halves, Line, flat, flat_mut, zeros};
use super::rows::{most_of, sum_of, to_half};
use super::{COLUMNS, ROWS};

/// Keys of a run: the scores of a block of queries for them take 64 KiB.
const RUN: usize = 512;
/// What a score beyond the last key counts as.
const NOTHING: f32 = -1e30;

/// Where one head's queries, keys and values lie: rows of `stride` bf16 numbers, in which each of the three takes `width`.
#[derive(Clone, Copy)]
pub(in super::super) struct Head<'a> {
    /// From the first row of the sequence on, with [`ROWS`] rows to spare behind its last; begins at the head's queries.
    pub(in super::super) rows: &'a [u16],
    pub(in super::super) stride: usize,
    /// Padded with zeros to a multiple of 32.
    pub(in super::super) width: usize,
    /// Tokens of the sequence.
    pub(in super::super) tokens: usize,
}

/// Memory of one thread, used again for every head.
#[derive(Default)]
pub(in super::super) struct Scratch {
    /// `[key / 16][component / 2][16][2]`
    keys: Vec<HalfStep>,
    /// `[component / 16][key / 2][16][2]`
    values: Vec<HalfStep>,
    /// `(ROWS, RUN)`
    scores: Vec<Floats>,
    /// `(ROWS, RUN)`
    shares: Vec<Halves>,
    /// `(ROWS, width)`
    mixed: Vec<Floats>,
}

impl Scratch {
    fn fit(&mut self, head: &Head<'_>) {
        let steps = head.tokens.next_multiple_of(COLUMNS) * head.width / 32;
        for panels in [&mut self.keys, &mut self.values] {
            panels.clear();
            panels.resize(steps, Line::default());
        }
        if self.scores.is_empty() {
            self.scores = zeros(ROWS * RUN / 16);
            self.shares = zeros(ROWS * RUN / 32);
        }
        self.mixed.resize(ROWS * head.width / 16, Line::default());
    }

    /// Lays keys and values out as the products take them.
    #[inline(always)]
    fn pack(&mut self, head: &Head<'_>) {
        let (width, tokens) = (head.width, head.tokens);
        let part = |token: usize, part: usize| &head.rows[token * head.stride + part * width..][..width];
        for (panel, steps) in self.keys.chunks_exact_mut(width / 2).enumerate() {
            for column in 0..16.min(tokens.saturating_sub(16 * panel)) {
                let key = part(16 * panel + column, 1).as_chunks::<2>().0;
                for (step, &[first, second]) in steps.iter_mut().zip(key) {
                    step.0[column] = pair(first, second);
                }
            }
        }
        let depth = tokens.next_multiple_of(COLUMNS) / 2;
        for token in (0..tokens).step_by(2) {
            let first = part(token, 2).as_chunks::<16>().0;
            let second = if token + 1 < tokens { part(token + 1, 2).as_chunks::<16>().0 } else { &[] };
            for (panel, first) in first.iter().enumerate() {
                let second = second.get(panel).unwrap_or(&[0; 16]);
                self.values[panel * depth + token / 2].0 = std::array::from_fn(|i| pair(first[i], second[i]));
            }
        }
    }
}

/// Two bf16 numbers as they lie in a step of a panel.
#[inline(always)]
fn pair(first: u16, second: u16) -> u32 {
    u32::from(first) | u32::from(second) << 16
}

/// A tile of `N` rows of bf16 numbers times two panels: rows, their stride, steps of 32 numbers, panels, sums, their stride, and whether
/// the sums are added to.
pub(super) trait Tile: Fn(&[u16], usize, usize, [&[HalfStep]; 2], &mut [f32], usize, bool) {}
impl<F: Fn(&[u16], usize, usize, [&[HalfStep]; 2], &mut [f32], usize, bool)> Tile for F {}

/// The mixed values of the queries `from..from + out.len() / width`, `(queries, out_width)`, of which `out_width` numbers are wanted.
/// Queries are expected scaled, so that 2 and not e is the base of the softmax.
#[inline(always)]
pub(super) fn attend<const N: usize, const FMA: bool>(
    head: &Head<'_>,
    from: usize,
    scratch: &mut Scratch,
    out: &mut [f32],
    out_width: usize,
    tile: impl Tile,
) {
    scratch.fit(head);
    scratch.pack(head);
    let (width, stride) = (head.width, head.stride);
    let depth = head.tokens.next_multiple_of(COLUMNS) / 2;
    let scores = scratch.scores.as_mut_slice();
    for (block, out) in out.chunks_mut(ROWS * out_width).enumerate() {
        let first = from + block * ROWS;
        let queries = out.len() / out_width;
        let tiles = queries.div_ceil(N);
        let (mut largest, mut sums) = ([NOTHING; ROWS], [0.0; ROWS]);
        for run in (0..head.tokens).step_by(RUN) {
            let keys = RUN.min(head.tokens - run);
            let padded = keys.next_multiple_of(COLUMNS);
            let panels = scratch.keys[run / 16 * (width / 2)..].chunks_exact(width);
            for (pair, panels) in panels.take(padded / COLUMNS).enumerate() {
                let (one, two) = panels.split_at(width / 2);
                for t in 0..tiles {
                    let rows = &head.rows[(first + t * N) * stride..];
                    let out = &mut flat_mut(scores)[t * N * RUN + pair * COLUMNS..];
                    tile(rows, stride, width / 32, [one, two], out, RUN, false);
                }
            }
            let rows = flat_mut(scores).chunks_exact_mut(RUN).zip(flat_mut(&mut scratch.shares).chunks_exact_mut(RUN));
            for (row, (scores, shares)) in rows.take(queries).enumerate() {
                scores[keys..padded].fill(NOTHING);
                let before = largest[row];
                let sum = softmax::<FMA>(&scores[..padded], &mut shares[..padded], &mut largest[row]);
                let kept = exp2::<FMA>(before - largest[row]);
                if run > 0 && kept < 1.0 {
                    flat_mut(&mut scratch.mixed)[row * width..][..width].iter_mut().for_each(|x| *x *= kept);
                }
                sums[row] = sums[row] * kept + sum;
            }
            for pair in 0..width / COLUMNS {
                let panel = |at: usize| &scratch.values[at * depth + run / 2..][..padded / 2];
                for t in 0..tiles {
                    let rows = &flat(&scratch.shares)[t * N * RUN..];
                    let out = &mut flat_mut(&mut scratch.mixed)[t * N * width + pair * COLUMNS..];
                    tile(rows, RUN, padded / 32, [panel(2 * pair), panel(2 * pair + 1)], out, width, run > 0);
                }
            }
        }
        for ((out, mixed), sum) in
            out.chunks_exact_mut(out_width).zip(flat(&scratch.mixed).chunks_exact(width)).zip(sums)
        {
            let factor = 1.0 / sum;
            for (out, mixed) in out.iter_mut().zip(mixed) {
                *out = mixed * factor;
            }
        }
    }
}

/// Shares, not yet divided by their sum, of a run of scores; raises `largest` first where a score is larger. Gives their sum.
#[inline(always)]
fn softmax<const FMA: bool>(scores: &[f32], shares: &mut [u16], largest: &mut f32) -> f32 {
    let mut most = [*largest; 16];
    for scores in scores.as_chunks::<16>().0 {
        most = std::array::from_fn(|i| if scores[i] > most[i] { scores[i] } else { most[i] });
    }
    let most = most_of(most);
    *largest = most;
    let mut sums = [0.0; 16];
    for (scores, halves) in scores.as_chunks::<16>().0.iter().zip(shares.as_chunks_mut::<16>().0) {
        let shares: [f32; 16] = std::array::from_fn(|i| exp2::<FMA>(scores[i] - most));
        sums = std::array::from_fn(|i| sums[i] + shares[i]);
        *halves = shares.map(to_half);
    }
    sum_of(sums)
}
