//! One head of one sequence: bf16 products and a softmax between them, a block of queries and a run of keys at a time.
//!
//! A row's maximum and sum are carried from one run of keys to the next and what was mixed so far is scaled down when a larger score
//! appears, so that the scores of a long sequence are never all there at once.

use super::exp::{exp2, exp2_rough};
use super::lines::{Floats, HalfStep, Halves, Line, flat, flat_mut};
use super::rows::{most_of, sum_of, to_half_up};
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
    /// Of a run: `[key / 16][component / 2][16][2]`.
    keys: Vec<HalfStep>,
    /// Of a run: `[component / 16][key / 2][16][2]`.
    values: Vec<HalfStep>,
    /// `(ROWS, RUN)`
    scores: Vec<Floats>,
    /// `(ROWS, RUN)`
    shares: Vec<Halves>,
    /// Of all queries: `(queries, width)`.
    mixed: Vec<Floats>,
    /// Of each query: its largest score so far, and the sum of its shares.
    state: Vec<(f32, f32)>,
}

impl Scratch {
    fn fit(&mut self, width: usize, queries: usize) {
        let rows = queries.next_multiple_of(ROWS);
        self.keys.resize(RUN * width / 32, Line::default());
        self.values.resize(RUN * width / 32, Line::default());
        self.scores.resize(ROWS * RUN / 16, Line::default());
        self.shares.resize(ROWS * RUN / 32, Line::default());
        self.mixed.resize(rows * width / 16, Line::default());
        self.state.clear();
        self.state.resize(rows, (NOTHING, 0.0));
    }

    /// Lays a run's keys and values out as the products take them; `padded` keys, of which those beyond the last are zeros.
    #[inline(always)]
    fn pack(&mut self, head: &Head<'_>, run: usize, padded: usize) {
        let width = head.width;
        let part = |key: usize, part: usize| match run + key < head.tokens {
            true => &head.rows[(run + key) * head.stride + part * width..][..width],
            false => &[],
        };
        for (panel, steps) in self.keys.chunks_exact_mut(width / 2).take(padded / 16).enumerate() {
            for column in 0..16 {
                let key = part(16 * panel + column, 1).as_chunks::<2>().0;
                if key.is_empty() {
                    steps.iter_mut().for_each(|step| step.0[column] = 0);
                }
                for (step, &[first, second]) in steps.iter_mut().zip(key) {
                    step.0[column] = pair(first, second);
                }
            }
        }
        let depth = padded / 2;
        for step in 0..depth {
            let (first, second) = (part(2 * step, 2).as_chunks::<16>().0, part(2 * step + 1, 2).as_chunks::<16>().0);
            for panel in 0..width / 16 {
                let (first, second) = (first.get(panel).unwrap_or(&[0; 16]), second.get(panel).unwrap_or(&[0; 16]));
                self.values[panel * depth + step].0 = std::array::from_fn(|i| pair(first[i], second[i]));
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

/// The mixed values of the queries `from..from + out.len() / out_width`, `(queries, out_width)`, of which `out_width` numbers are wanted.
/// Queries are expected scaled, so that 2 and not e is the base of the softmax.
///
/// All queries see a run of keys before the next run is laid out: a run stays near the core, however long the sequence.
#[inline(always)]
pub(super) fn attend<const N: usize, const FMA: bool>(
    head: &Head<'_>,
    from: usize,
    scratch: &mut Scratch,
    out: &mut [f32],
    out_width: usize,
    tile: impl Tile,
) {
    let (width, stride, queries) = (head.width, head.stride, out.len() / out_width);
    scratch.fit(width, queries);
    for run in (0..head.tokens).step_by(RUN) {
        let keys = RUN.min(head.tokens - run);
        let padded = keys.next_multiple_of(COLUMNS);
        scratch.pack(head, run, padded);
        let Scratch { keys: key_panels, values, scores, shares, mixed, state } = scratch;
        let (scores, shares) = (flat_mut(scores), flat_mut(shares));
        let blocks = flat_mut(mixed).chunks_exact_mut(ROWS * width).zip(state.chunks_exact_mut(ROWS));
        for (block, (mixed, state)) in blocks.enumerate().take(queries.div_ceil(ROWS)) {
            let first = block * ROWS;
            let rows = ROWS.min(queries - first);
            let tiles = rows.div_ceil(N);
            for (at, panels) in key_panels.chunks_exact(width).take(padded / COLUMNS).enumerate() {
                let (one, two) = panels.split_at(width / 2);
                for t in 0..tiles {
                    let queries = &head.rows[(from + first + t * N) * stride..];
                    let out = &mut scores[t * N * RUN + at * COLUMNS..];
                    tile(queries, stride, width / 32, [one, two], out, RUN, false);
                }
            }
            let lines = scores.chunks_exact_mut(RUN).zip(shares.chunks_exact_mut(RUN)).zip(state).take(rows);
            for (row, ((scores, shares), (largest, sum))) in lines.enumerate() {
                scores[keys..padded].fill(NOTHING);
                let before = *largest;
                let added = softmax::<FMA>(&scores[..padded], &mut shares[..padded], largest);
                let kept = exp2::<FMA>(before - *largest);
                if run > 0 && kept < 1.0 {
                    mixed[row * width..][..width].iter_mut().for_each(|x| *x *= kept);
                }
                *sum = *sum * kept + added;
            }
            for at in 0..width / COLUMNS {
                let panel = |at: usize| &values[at * padded / 2..][..padded / 2];
                for t in 0..tiles {
                    let out = &mut mixed[t * N * width + at * COLUMNS..];
                    let panels = [panel(2 * at), panel(2 * at + 1)];
                    tile(&shares[t * N * RUN..], RUN, padded / 32, panels, out, width, run > 0);
                }
            }
        }
    }
    let rows = flat(&scratch.mixed).chunks_exact(width).zip(&scratch.state);
    for (out, (mixed, (_, sum))) in out.chunks_exact_mut(out_width).zip(rows) {
        let factor = 1.0 / sum;
        for (out, mixed) in out.iter_mut().zip(mixed) {
            *out = mixed * factor;
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
        let shares: [f32; 16] = std::array::from_fn(|i| exp2_rough::<FMA>(scores[i] - most));
        sums = std::array::from_fn(|i| sums[i] + shares[i]);
        *halves = shares.map(to_half_up);
    }
    sum_of(sums)
}
