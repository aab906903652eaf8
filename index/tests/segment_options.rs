//! What a segment may be told to keep beside the codes: signs to walk by, and more bits to look again at. Both are made anew whenever it is
//! opened, and neither may cost neighbours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod seeded;

use neodex_index::vector::{
    BuildOptions, Code, Distance, Plan, Query, SearchOptions, Segment, SegmentBuilder, SegmentLoader,
};
use neodex_index::{Key, KeySet, Scored, top_k};
use seeded::Random;

const DIMENSION: usize = 256;
const ROWS: u64 = 8_000;

/// Vectors around forty centres.
fn vectors(seed: u64, count: u64) -> Vec<Vec<f32>> {
    let mut of_centres = Random(11);
    let centres: Vec<Vec<f32>> = (0..40).map(|_| (0..DIMENSION).map(|_| of_centres.normal()).collect()).collect();
    let mut random = Random(seed);
    (0..count)
        .map(|_| {
            let centre = &centres[random.next() as usize % centres.len()];
            centre.iter().map(|value| 0.5 + value + 0.8 * random.normal()).collect()
        })
        .collect()
}

fn built(distance: Distance, base: &[Vec<f32>]) -> Segment {
    let mut builder = SegmentBuilder::new(DIMENSION, distance, base.len()).unwrap();
    (0..).zip(base).for_each(|(key, vector)| builder.push(Key(key), &Code::encode(vector).unwrap()).unwrap());
    builder.build(&BuildOptions::default(), |_| true).unwrap().unwrap()
}

fn loaded(segment: &Segment, base: &[Vec<f32>]) -> Segment {
    let mut loader = SegmentLoader::new(&segment.to_bytes(), DIMENSION, segment.distance()).unwrap();
    (0..).zip(base).for_each(|(key, vector)| assert!(loader.offer(Key(key), &Code::encode(vector).unwrap())));
    loader.finish().unwrap()
}

/// Recall@10 over all queries, and the way of the last.
fn recall(segment: &Segment, base: &[Vec<f32>], queries: &[Vec<f32>], allowed: Option<&KeySet>) -> (f64, Plan) {
    let (mut hits, mut plan) = (0, None);
    for query in queries {
        let rows = (0..).map(Key).zip(base).filter(|(key, _)| allowed.is_none_or(|allowed| allowed.contains(*key)));
        let exact = top_k(rows.map(|(key, row)| Scored::new(key, segment.distance().score(query, row))), 10);
        let query = Query::new(query).unwrap();
        let (found, way) = segment.find(&query, 10, allowed, &SearchOptions::default()).unwrap();
        hits += exact.iter().filter(|exact| found.iter().any(|found| found.key == exact.key)).count();
        plan = Some(way);
    }
    (hits as f64 / (10 * queries.len()) as f64, plan.unwrap())
}

#[test]
fn walks_by_signs_find_the_neighbours() {
    let (base, queries) = (vectors(1, ROWS), vectors(2, 60));
    let segment = built(Distance::Cosine, &base);
    let bytes = segment.bytes();
    let segment = segment.with_signs();
    assert!(segment.has_signs());
    assert_eq!(segment.bytes(), bytes + ROWS as usize * DIMENSION / 8 + DIMENSION * size_of::<f32>());
    let (found, plan) = recall(&segment, &base, &queries, None);
    assert!(matches!(plan, Plan::Walk { .. }), "{plan:?}");
    assert!(found >= 0.95, "{found}");
    for every in [2, 7, 50] {
        let allowed: KeySet = (0..ROWS).filter(|key| key.is_multiple_of(every)).map(Key).collect();
        let (found, plan) = recall(&segment, &base, &queries, Some(&allowed));
        assert!(found >= 0.95, "one in {every}: {found} by {plan:?}");
    }
    let again = loaded(&segment, &base);
    assert!(!again.has_signs());
    assert_eq!(recall(&again.with_signs(), &base, &queries, None), (found, plan));
    assert!(!built(Distance::Euclidean, &base[..100]).with_signs().has_signs(), "a sign says nothing of lengths");
}

/// The most that a score of the best 200 is off by.
fn farthest(segment: &Segment, base: &[Vec<f32>], queries: &[Vec<f32>]) -> f32 {
    let off = |query: &Vec<f32>| {
        let (found, _) = segment.find(&Query::new(query).unwrap(), 200, None, &SearchOptions::default()).unwrap();
        let exact = |key: Key| segment.distance().score(query, &base[key.0 as usize]);
        found.iter().map(|found| (found.score - exact(found.key)).abs()).fold(0.0, f32::max)
    };
    queries.iter().map(off).fold(0.0, f32::max)
}

#[test]
fn sixteen_bits_are_nearer_to_the_scores_of_full_rows() {
    let (base, queries) = (vectors(1, 3_000), vectors(2, 60));
    for distance in Distance::ALL {
        let twelve = built(distance, &base);
        let bytes = twelve.bytes();
        let (expected, by_twelve) = (recall(&twelve, &base, &queries, None).0, farthest(&twelve, &base, &queries));
        let row = |key: Key| Ok::<_, neodex_index::Error>(base.get(key.0 as usize).cloned());
        let sixteen = twelve.refined(row).unwrap();
        assert_eq!(sixteen.bytes(), bytes + base.len() * DIMENSION / 2);
        let by_sixteen = farthest(&sixteen, &base, &queries);
        assert!(by_sixteen < by_twelve / 8.0, "{distance}: {by_sixteen}, and {by_twelve} by twelve");
        let found = recall(&sixteen, &base, &queries, None).0;
        // One in 600 may be a matter of luck.
        assert!(found >= expected - 0.002, "{distance}: {found}, and {expected} by twelve");
        let again = loaded(&sixteen, &base).refined(row).unwrap();
        assert_eq!(recall(&again, &base, &queries, None).0, found, "after a restart");
    }
}
