//! The gate for every change to codes and scans: what they find against an exact scan of the full vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod seeded;

use neodex_index::vector::{Code, Distance, Query, RowFormat, VectorSet, normalise};
use neodex_index::{Error, Key, KeySet, Scored, top_k};
use seeded::Random;

const DIMENSION: usize = 96;
const ROWS: u64 = 4_000;

/// A point near one of `centres`, in directions of falling weight as an encoder's are.
fn clustered(random: &mut Random, centres: &[Vec<f32>], spread: f32) -> Vec<f32> {
    let centre = &centres[random.next() as usize % centres.len()];
    let mut vector: Vec<f32> =
        (0..DIMENSION).map(|i| (centre[i] + spread * random.normal()) / (1.0 + i as f32 / 16.0)).collect();
    normalise(&mut vector);
    vector
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
        let centres: Vec<Vec<f32>> = (0..60).map(|_| (0..DIMENSION).map(|_| random.normal()).collect()).collect();
        let vectors: Vec<Vec<f32>> = (0..ROWS).map(|_| clustered(&mut random, &centres, spread)).collect();
        let queries: Vec<Vec<f32>> = (0..100).map(|_| clustered(&mut random, &centres, spread)).collect();
        for distance in Distance::ALL {
            for allowed in [None, Some(&tenth), Some(&few)] {
                let (by_code, by_row) = recall(distance, rows, &vectors, &queries, allowed);
                assert!(by_code >= by_code_alone, "spread {spread}, {distance}: {by_code} by codes alone");
                assert!(by_row >= 0.99, "spread {spread}, {distance}: {by_row} after rescoring");
            }
        }
    }
}
