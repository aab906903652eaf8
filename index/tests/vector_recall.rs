//! The gate for every change to codes and scans: what they find against an exact scan of the full vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use neodex_index::vector::{Code, Distance, Query, RowFormat, VectorSet, normalise};
use neodex_index::{Error, Key, KeySet, Scored, top_k};

const DIMENSION: usize = 96;
const ROWS: u64 = 4_000;

/// A seeded generator, so that a failure is the same failure everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// About normal: the sum of twelve uniform values.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
    }

    fn vector(&mut self) -> Vec<f32> {
        (0..DIMENSION).map(|_| self.normal()).collect()
    }

    /// A point near one of `centres`, in directions of falling weight as an encoder's are.
    fn clustered(&mut self, centres: &[Vec<f32>], spread: f32) -> Vec<f32> {
        let centre = &centres[self.next() as usize % centres.len()];
        let mut vector: Vec<f32> =
            (0..DIMENSION).map(|i| (centre[i] + spread * self.normal()) / (1.0 + i as f32 / 16.0)).collect();
        normalise(&mut vector);
        vector
    }
}

/// Recall@10 over 100 queries: of the best by codes alone, and after rescoring from rows.
fn recall(
    distance: Distance,
    format: RowFormat,
    vectors: &[Vec<f32>],
    queries: &[Vec<f32>],
    allowed: Option<&KeySet>,
) -> (f64, f64) {
    let set = VectorSet::new(DIMENSION, distance).unwrap();
    set.insert_many((0..).map(Key).zip(vectors.iter().map(|vector| Code::encode(vector).unwrap()))).unwrap();
    let rows: Vec<Vec<u8>> = vectors.iter().map(|vector| format.encode(vector).unwrap()).collect();
    let (mut by_code, mut by_row, mut wanted) = (0, 0, 0);
    for query in queries {
        let keys = (0..ROWS).map(Key).filter(|key| allowed.is_none_or(|allowed| allowed.contains(*key)));
        let exact = top_k(keys.map(|key| Scored::new(key, distance.score(query, &vectors[key.0 as usize]))), 10);
        let hits = |found: &[Scored]| exact.iter().filter(|best| found.iter().any(|f| f.key == best.key)).count();
        let candidates = set.candidates(&Query::new(query).unwrap(), 10, allowed).unwrap();
        let row = |key: Key| format.decode(&rows[key.0 as usize], DIMENSION).map(Some);
        let rescored: Vec<Scored> = set.search::<Error>(query, 10, allowed, row).unwrap();
        by_code += hits(&candidates[..10.min(candidates.len())]);
        by_row += hits(&rescored);
        wanted += exact.len();
    }
    (by_code as f64 / wanted as f64, by_row as f64 / wanted as f64)
}

#[test]
fn rescored_candidates_are_the_nearest() {
    let tenth: KeySet = (0..ROWS).filter(|key| key % 10 == 3).map(Key).collect();
    let few: KeySet = (0..ROWS).filter(|key| key % 100 == 3).map(Key).collect();
    // From no clusters to speak of to near-equal vectors, whose order by code alone is partly chance, and which differ by so little that
    // halves would round the difference of their lengths away.
    for (spread, rows, by_code_alone) in
        [(10.0, RowFormat::F16, 0.95), (0.3, RowFormat::F16, 0.95), (0.05, RowFormat::F32, 0.8)]
    {
        let mut random = Random(7);
        let centres: Vec<Vec<f32>> = (0..60).map(|_| random.vector()).collect();
        let vectors: Vec<Vec<f32>> = (0..ROWS).map(|_| random.clustered(&centres, spread)).collect();
        let queries: Vec<Vec<f32>> = (0..100).map(|_| random.clustered(&centres, spread)).collect();
        for distance in Distance::ALL {
            for allowed in [None, Some(&tenth), Some(&few)] {
                let (by_code, by_row) = recall(distance, rows, &vectors, &queries, allowed);
                assert!(by_code >= by_code_alone, "spread {spread}, {distance}: {by_code} by codes alone");
                assert!(by_row >= 0.99, "spread {spread}, {distance}: {by_row} after rescoring");
            }
        }
    }
}
