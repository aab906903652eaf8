//! Which windows a document is read in, and which window each chunk takes its states from.
//!
//! A pure function of token counts. A window starts three quarters of a window after the last at the latest, and where a
//! chunk lies across that point, at the chunk's first token: so every chunk that fits in a window lies whole in one. The edges
//! of the document are no edges here, because nothing was cut off there.

use std::ops::Range;

/// A stretch of a document that goes through the encoder at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The document's tokens it holds.
    pub tokens: Range<usize>,
    /// The chunk whose heading holds where the window starts; `None` without chunks.
    pub leading: Option<usize>,
    /// What is taken from its states.
    pub pieces: Vec<Piece>,
}

/// A chunk, or a part of one, as a window holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Position of the chunk.
    pub chunk: usize,
    /// The document's tokens of the piece; empty for a chunk without tokens, which takes the window's context instead.
    pub tokens: Range<usize>,
}

/// Plans the windows of a document of `total` tokens whose chunks hold these ranges of them, with at most `capacity` (at least 1)
/// of its tokens in a window. Only windows that some chunk takes states from are kept.
#[must_use]
pub fn plan(total: usize, chunks: &[Range<usize>], capacity: usize) -> Vec<Window> {
    let mut by_start: Vec<usize> = (0..chunks.len()).collect();
    by_start.sort_by_key(|&chunk| chunks.get(chunk).map_or(0, |range| range.start));
    let starts: Vec<usize> = by_start.iter().filter_map(|&chunk| Some(chunks.get(chunk)?.start)).collect();

    let mut windows: Vec<Window> = spans(total, &starts, capacity.max(1))
        .into_iter()
        .map(|tokens| {
            let after = starts.partition_point(|&start| start <= tokens.start);
            Window { leading: by_start.get(after.saturating_sub(1)).copied(), tokens, pieces: Vec::new() }
        })
        .collect();
    for (chunk, range) in chunks.iter().enumerate() {
        for (window, tokens) in sources(&windows, range, total) {
            if let Some(window) = windows.get_mut(window) {
                window.pieces.push(Piece { chunk, tokens });
            }
        }
    }
    windows.retain(|window| !window.pieces.is_empty());
    windows
}

/// The windows' ranges: starts and ends both increase, neighbours touch or overlap, together they are the whole document.
fn spans(total: usize, chunk_starts: &[usize], capacity: usize) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    while start + capacity < total {
        spans.push(start..start + capacity);
        let latest = start + (capacity * 3 / 4).max(1);
        let snapped = chunk_starts.partition_point(|&at| at <= latest).checked_sub(1);
        start = match snapped.and_then(|i| chunk_starts.get(i)) {
            Some(&at) if at > start => at,
            _ => latest,
        };
    }
    // The last window reaches back as far as it can: context costs nothing there.
    spans.push(total.saturating_sub(capacity)..total);
    spans
}

/// Where a chunk takes its states: all of it from the window in which it lies farthest from an edge, or, where none holds
/// it whole, cut in the middle of each overlap.
fn sources(windows: &[Window], chunk: &Range<usize>, total: usize) -> Vec<(usize, Range<usize>)> {
    let start = chunk.start.min(total);
    let end = chunk.end.min(total).max(start);
    let first = windows.partition_point(|window| window.tokens.end < end);
    let past = windows.partition_point(|window| window.tokens.start <= start);
    let margin = |i: usize| {
        let window = windows.get(i).map_or(0..0, |window| window.tokens.clone());
        let left = if window.start == 0 { usize::MAX } else { start - window.start };
        let right = if window.end == total { usize::MAX } else { window.end - end };
        left.min(right)
    };
    // Of equals the earliest.
    if let Some(best) = (first..past).rev().max_by_key(|&i| margin(i)) {
        return vec![(best, start..end)];
    }
    let mut pieces = Vec::new();
    let mut from = start;
    for (i, window) in windows.iter().enumerate() {
        let to = match windows.get(i + 1) {
            Some(next) => window.tokens.end.midpoint(next.tokens.start).min(end),
            None => end,
        };
        if to > from {
            pieces.push((i, from..to));
            from = to;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    #![allow(clippy::single_range_in_vec_init)]
    use super::*;
    use proptest::prelude::*;

    /// Chunks that tile a document, some of them empty.
    fn tiled() -> impl Strategy<Value = (usize, Vec<Range<usize>>)> {
        prop::collection::vec(0..60_usize, 0..20).prop_map(|lengths| {
            let mut at = 0;
            let chunks = lengths.into_iter().map(|length| {
                at += length;
                at - length..at
            });
            let chunks: Vec<_> = chunks.collect();
            (at, chunks)
        })
    }

    fn depth(window: &Range<usize>, chunk: &Range<usize>, total: usize) -> usize {
        let left = if window.start == 0 { usize::MAX } else { chunk.start - window.start };
        let right = if window.end == total { usize::MAX } else { window.end - chunk.end };
        left.min(right)
    }

    #[test]
    fn a_short_document_is_one_window() {
        let windows = plan(10, &[0..4, 4..10], 100);
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0].tokens, 0..10);
        assert_eq!(windows[0].leading, Some(0));
        assert_eq!(windows[0].pieces.len(), 2);
    }

    #[test]
    fn a_chunk_longer_than_a_window_is_cut_in_the_middle_of_the_overlaps() {
        let windows = plan(20, &[0..20], 8);
        let pieces: Vec<_> = windows.iter().map(|w| (w.tokens.clone(), w.pieces[0].tokens.clone())).collect();
        assert_eq!(pieces, [(0..8, 0..7), (6..14, 7..13), (12..20, 13..20)]);
    }

    #[test]
    fn windows_that_no_chunk_needs_are_left_out() {
        assert_eq!(plan(1000, &[500..510], 100).len(), 1);
        assert!(plan(1000, &[], 100).is_empty());
    }

    #[test]
    fn an_empty_document_has_one_empty_window_for_its_chunks() {
        let windows = plan(0, &[0..0], 100);
        assert_eq!(
            windows,
            [Window { tokens: 0..0, leading: Some(0), pieces: vec![Piece { chunk: 0, tokens: 0..0 }] }]
        );
    }

    proptest! {
        #[test]
        fn every_token_of_every_chunk_is_taken_once_from_a_window_that_holds_it((total, chunks) in tiled(), capacity in 1..80_usize) {
            let windows = plan(total, &chunks, capacity);
            for window in &windows {
                prop_assert!(window.tokens.len() <= capacity && window.tokens.end <= total);
                for piece in &window.pieces {
                    prop_assert!(piece.tokens.start >= window.tokens.start && piece.tokens.end <= window.tokens.end);
                }
            }
            for (i, chunk) in chunks.iter().enumerate() {
                let pieces: Vec<_> = windows.iter().flat_map(|w| &w.pieces).filter(|p| p.chunk == i).map(|p| p.tokens.clone()).collect();
                prop_assert!(!pieces.is_empty());
                prop_assert_eq!(pieces.iter().cloned().flatten().collect::<Vec<_>>(), chunk.clone().collect::<Vec<_>>());
                prop_assert!(chunk.len() > capacity || pieces.len() == 1, "a chunk that fits is never cut");
            }
        }

        #[test]
        fn the_spans_cover_the_document(total in 0..500_usize, mut starts in prop::collection::vec(0..500_usize, 0..30), capacity in 1..90_usize) {
            starts.sort_unstable();
            let spans = spans(total, &starts, capacity);
            prop_assert_eq!(spans[0].start, 0);
            prop_assert_eq!(spans.last().unwrap().end, total);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].start < pair[1].start && pair[0].end < pair[1].end && pair[1].start <= pair[0].end);
                prop_assert!(pair[1].start <= pair[0].start + (capacity * 3 / 4).max(1));
            }
        }

        #[test]
        fn a_chunk_comes_from_the_window_where_it_lies_deepest((total, chunks) in tiled(), capacity in 1..80_usize) {
            let starts: Vec<usize> = chunks.iter().map(|chunk| chunk.start).collect();
            let all = spans(total, &starts, capacity);
            for window in plan(total, &chunks, capacity) {
                for piece in window.pieces.iter().filter(|piece| piece.tokens == chunks[piece.chunk]) {
                    let holding = all.iter().filter(|w| w.start <= piece.tokens.start && piece.tokens.end <= w.end);
                    let deepest = holding.map(|w| depth(w, &piece.tokens, total)).max().unwrap();
                    prop_assert_eq!(depth(&window.tokens, &piece.tokens, total), deepest);
                }
            }
        }

        #[test]
        fn any_ranges_at_all_are_planned(total in 0..200_usize, ends in prop::collection::vec((0..250_usize, 0..250_usize), 0..12), capacity in 0..50_usize) {
            let chunks: Vec<_> = ends.iter().map(|&(a, b)| a..b).collect();
            for window in plan(total, &chunks, capacity) {
                for piece in &window.pieces {
                    prop_assert!(piece.tokens.start >= window.tokens.start && piece.tokens.end <= window.tokens.end);
                }
            }
        }
    }
}
