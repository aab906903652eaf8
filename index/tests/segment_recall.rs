//! Larger sets find nearly all true neighbours: sealed, stored and loaded, with a third of the vectors replaced, merged, and under every kind of
//! filter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod seals;
mod seeded;

use std::collections::BTreeMap;
use std::sync::Arc;

use neodex_index::vector::{
    AllowedKeys, BuildOptions, Code, Distance, Plan, Query, SearchOptions, Segment, SegmentBuilder, SegmentLoader,
    VectorSet, normalise,
};
use neodex_index::{Key, KeySet, Scored, top_k};
use seals::{policy, seal};
use seeded::Random;

const DIMENSION: usize = 48;
const ROWS: u64 = 6_000;

/// Vectors around sixty centres, of lengths that differ where the distance looks at length.
fn vectors(distance: Distance, seed: u64, count: u64) -> Vec<Vec<f32>> {
    let mut of_centres = Random(11);
    let centres: Vec<Vec<f32>> = (0..60).map(|_| (0..DIMENSION).map(|_| of_centres.normal()).collect()).collect();
    let mut random = Random(seed);
    (0..count)
        .map(|_| {
            let centre = &centres[random.next() as usize % centres.len()];
            let mut vector: Vec<f32> = centre.iter().map(|value| value + 0.7 * random.normal()).collect();
            normalise(&mut vector);
            if distance != Distance::Cosine {
                let length = 1.0 + 0.3 * random.normal().clamp(-2.0, 2.0);
                vector.iter_mut().for_each(|value| *value *= length);
            }
            vector
        })
        .collect()
}

type Model = BTreeMap<u64, Vec<f32>>;

/// Recall@10 over all queries, and how the last was searched.
fn recall(set: &VectorSet, model: &Model, queries: &[Vec<f32>], allowed: Option<&KeySet>) -> (f64, Plan) {
    recall_within(set, model, queries, allowed, 0.0)
}

/// What twelve bits a value cannot tell apart, at this dimension.
const INDISTINCT: f32 = 2e-4;

/// As [`recall`]; a vector that scores as well as a true neighbour, but for this much, is as good as it.
fn recall_within(
    set: &VectorSet,
    model: &Model,
    queries: &[Vec<f32>],
    allowed: Option<&KeySet>,
    within: f32,
) -> (f64, Plan) {
    let keys = allowed.map(|keys| AllowedKeys::new(Arc::new(keys.clone())));
    let (mut hits, mut wanted, mut plan) = (0, 0, None);
    for query in queries {
        let candidates = model.iter().filter(|(key, _)| allowed.is_none_or(|allowed| allowed.contains(Key(**key))));
        let exact =
            top_k(candidates.map(|(&key, vector)| Scored::new(Key(key), set.distance().score(query, vector))), 10);
        let found = set.find(&Query::new(query).unwrap(), 10, keys.as_ref(), &SearchOptions::default()).unwrap();
        for best in &found.best {
            let exact = set.distance().score(query, &model[&best.key.0]);
            assert!((best.score - exact).abs() < 2e-3, "{} for {exact}", best.score);
        }
        let worst = exact.last().map_or(f32::INFINITY, |last| last.score) - within;
        hits += found.best.iter().filter(|best| set.distance().score(query, &model[&best.key.0]) >= worst).count();
        wanted += exact.len();
        plan = found.plans.first().map(|(_, plan)| *plan);
    }
    (hits as f64 / wanted as f64, plan.unwrap())
}

fn filled(distance: Distance, model: &Model) -> VectorSet {
    let set = VectorSet::new(DIMENSION, distance).unwrap();
    set.insert_many(model.iter().map(|(&key, vector)| (Key(key), Code::encode(vector).unwrap()))).unwrap();
    set
}

/// What is kept of a segment, and back.
fn stored_and_loaded(segment: &Segment, model: &Model) -> Segment {
    let mut loader = SegmentLoader::new(&segment.to_bytes(), DIMENSION, segment.distance()).unwrap();
    for (&key, vector) in model {
        loader.offer(Key(key), &Code::encode(vector).unwrap());
    }
    loader.end_of_living();
    loader.finish().unwrap()
}

#[test]
fn a_walk_finds_the_neighbours_of_every_distance() {
    for distance in Distance::ALL {
        let model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
        let queries = vectors(distance, 2, 100);
        let set = filled(distance, &model);
        assert_eq!(seal(&set, &policy(1_000)), 1);
        let (found, plan) = recall(&set, &model, &queries, None);
        assert!(matches!(plan, Plan::Walk { .. }), "{plan:?}");
        assert!(found >= 0.97, "{distance}: {found}");

        let loaded = VectorSet::new(DIMENSION, distance).unwrap();
        loaded.add_segment(1, stored_and_loaded(&set.segments()[0].1, &model));
        let query = Query::new(&queries[0]).unwrap();
        let best = |set: &VectorSet| set.find(&query, 20, None, &SearchOptions::default()).unwrap().best;
        assert_eq!(recall(&loaded, &model, &queries, None).0, found, "{distance}: after a restart");
        assert_eq!(best(&set), best(&loaded));
    }
}

/// In dense regions a walk soon has seen all that is allowed around a node; it must not take that for being lost and compare with
/// everything instead.
#[test]
fn a_filter_that_passes_evenly_is_walked() {
    const ROWS: u64 = 20_000;
    let mut random = Random(21);
    let centres: Vec<Vec<f32>> = (0..100).map(|_| (0..DIMENSION).map(|_| random.normal()).collect()).collect();
    let mut near = |at: usize| -> Vec<f32> {
        let mut vector: Vec<f32> =
            centres[at % centres.len()].iter().map(|value| value + 0.25 * random.normal()).collect();
        normalise(&mut vector);
        vector
    };
    let model: Model = (0..ROWS).map(|key| (key, near(key as usize))).collect();
    let queries: Vec<Vec<f32>> = (0..100).map(&mut near).collect();
    let set = filled(Distance::Cosine, &model);
    seal(&set, &policy(1_000));
    let mut random = Random(22);
    let allowed: KeySet = (0..ROWS).filter(|_| random.next().is_multiple_of(10)).map(Key).collect();
    let allowed = AllowedKeys::new(Arc::new(allowed));
    let options = SearchOptions::width(10);
    let walked = |query: &&Vec<f32>| {
        let found = set.find(&Query::new(query).unwrap(), 5, Some(&allowed), &options).unwrap();
        matches!(found.plans[..], [(_, Plan::Filtered { .. })])
    };
    let walked = queries.iter().filter(walked).count();
    assert!(walked >= 90, "{walked} of 100");
}

/// As where a GPU finds the neighbours, but on the processor.
#[test]
fn rows_linked_by_exact_lists_are_found_as_well() {
    for distance in Distance::ALL {
        let model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
        let mut builder = SegmentBuilder::new(DIMENSION, distance, model.len()).unwrap();
        for (&key, vector) in &model {
            builder.push(Key(key), &Code::encode(vector).unwrap()).unwrap();
        }
        let mut options = BuildOptions::default();
        options.set("exact=true").unwrap();
        let set = VectorSet::new(DIMENSION, distance).unwrap();
        set.add_segment(1, builder.build(&options, |_| true).unwrap().unwrap());
        let (found, plan) = recall(&set, &model, &vectors(distance, 2, 100), None);
        assert!(matches!(plan, Plan::Walk { .. }), "{plan:?}");
        assert!(found >= 0.97, "{distance}: {found}");
    }
}

#[test]
fn filters_keep_the_recall() {
    let distance = Distance::Cosine;
    let model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
    let queries = vectors(distance, 2, 100);
    let set = filled(distance, &model);
    seal(&set, &policy(1_000));
    let mut random = Random(5);
    let mut ways = Vec::new();
    for share in [0.9, 0.5, 0.35, 0.1, 0.01, 0.001] {
        let keys: KeySet =
            (0..ROWS).filter(|_| (random.next() >> 11) as f64 / ((1u64 << 53) as f64) < share).map(Key).collect();
        let (found, plan) = recall(&set, &model, &queries, Some(&keys));
        assert!(found >= 0.96, "{share}: {found} by {plan:?}");
        ways.push(plan);
    }
    assert!(ways.iter().any(|plan| matches!(plan, Plan::OverFetch { .. })), "{ways:?}");
    assert!(ways.iter().any(|plan| matches!(plan, Plan::Exact { .. })), "{ways:?}");
    // What is allowed lies where the queries are not.
    let far: KeySet = model
        .iter()
        .filter(|(_, vector)| distance.score(vector, &queries[0]) < 0.0)
        .map(|(&key, _)| Key(key))
        .collect();
    let (found, plan) = recall(&set, &model, &queries[..1], Some(&far));
    assert!(found >= 0.9, "{found} of the far ones by {plan:?}");
    assert_eq!(recall(&set, &model, &queries, Some(&[Key(77)].into_iter().collect())).0, 1.0);
}

/// Filters that leave out what is nearest to the query: what is allowed lies all around it, or far off.
#[test]
fn filters_that_leave_out_the_nearest_keep_the_recall() {
    for distance in Distance::ALL {
        let model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
        let queries = vectors(distance, 2, 40);
        let set = filled(distance, &model);
        seal(&set, &policy(1_000));
        let mut random = Random(6);
        // How many of the nearest go, and which share of the others as well.
        for (nearest, others) in [
            (5, 0.0),
            (50, 0.0),
            (50, 0.8),
            (500, 0.0),
            (500, 0.5),
            (500, 0.85),
            (2_000, 0.0),
            (3_000, 0.8),
            (5_000, 0.0),
        ] {
            let (mut found, mut plan) = (0.0, None);
            for query in &queries {
                let scored = model.iter().map(|(&key, vector)| Scored::new(Key(key), distance.score(query, vector)));
                let order = top_k(scored, model.len());
                let rest = order.iter().skip(nearest).map(|far| far.key);
                let allowed: KeySet =
                    rest.filter(|_| (random.next() >> 11) as f64 / ((1u64 << 53) as f64) >= others).collect();
                // What is far lies closer together than what is near.
                let (own, way) = recall_within(&set, &model, std::slice::from_ref(query), Some(&allowed), INDISTINCT);
                found += own;
                plan = Some(way);
            }
            found /= queries.len() as f64;
            assert!(
                found >= 0.95,
                "{distance}, without the nearest {nearest} and {others} of the others: {found} by {plan:?}"
            );
        }
    }
}

/// Filters that allow a few regions only, as those by topic do.
#[test]
fn filters_by_region_keep_the_recall() {
    let distance = Distance::Cosine;
    let model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
    let queries = vectors(distance, 2, 60);
    let centres = vectors(distance, 9, 40);
    let set = filled(distance, &model);
    seal(&set, &policy(1_000));
    for regions in [1, 3, 10, 20, 30] {
        // The region of a vector is that of the centre it is nearest to.
        let region = |vector: &[f32]| {
            top_k(centres.iter().zip(0..).map(|(centre, key)| Scored::new(Key(key), distance.score(vector, centre))), 1)
                [0]
            .key
            .0
        };
        let allowed: KeySet =
            model.iter().filter(|(_, vector)| region(vector) < regions).map(|(&key, _)| Key(key)).collect();
        let (found, plan) = recall(&set, &model, &queries, Some(&allowed));
        assert!(found >= 0.95, "{regions} regions, {} vectors: {found} by {plan:?}", allowed.len());
    }
}

#[test]
fn recall_survives_deletes_and_merges() {
    let distance = Distance::Cosine;
    let mut model: Model = (0..).zip(vectors(distance, 1, ROWS)).collect();
    let queries = vectors(distance, 2, 100);
    let set = VectorSet::new(DIMENSION, distance).unwrap();
    // Seals and merges on the way.
    let mut seals = 0;
    for (&key, vector) in &model {
        set.insert(Key(key), &Code::encode(vector).unwrap()).unwrap();
        if key % 700 == 699 {
            seals += seal(&set, &policy(700));
        }
    }
    assert!(seals >= 8 && set.segments().len() <= 4, "{seals} seals, {} segments", set.segments().len());
    // A third goes and as many others come; deleted ones are walked over until there are too many of them.
    for (key, vector) in (ROWS..).zip(vectors(distance, 3, ROWS / 3)) {
        assert!(set.remove(Key(3 * (key - ROWS))));
        model.remove(&(3 * (key - ROWS)));
        set.insert(Key(key), &Code::encode(&vector).unwrap()).unwrap();
        model.insert(key, vector);
    }
    let fresh = filled(distance, &model);
    seal(&fresh, &policy(700));
    let expected = recall(&fresh, &model, &queries, None).0;
    let with_tombstones = recall(&set, &model, &queries, None).0;
    assert!(with_tombstones >= expected - 0.005, "{with_tombstones} with tombstones, {expected} fresh");
    seal(&set, &policy(700));
    assert!(
        set.segments().iter().all(|(_, segment)| segment.dead() * 5 <= segment.len()),
        "worn segments are built again"
    );
    let rebuilt = recall(&set, &model, &queries, None).0;
    assert!(rebuilt >= expected - 0.005, "{rebuilt} rebuilt, {expected} fresh");
}

/// Vectors whose first half says nearly all, as those of models trained for it.
#[test]
fn the_beginning_of_a_vector_may_be_enough() {
    let mut model: Model = (0..).zip(vectors(Distance::Cosine, 1, ROWS)).collect();
    let mut queries = vectors(Distance::Cosine, 2, 100);
    for vector in model.values_mut().chain(&mut queries) {
        vector[32..].iter_mut().for_each(|value| *value *= 0.2);
        normalise(vector);
    }
    let set = filled(Distance::Cosine, &model);
    seal(&set, &policy(1_000));
    let options = SearchOptions::default().with_dimensions(32);
    let (mut hits, mut exact_scores) = (0, true);
    for query in &queries {
        let exact = model.iter().map(|(&key, vector)| Scored::new(Key(key), Distance::Cosine.score(query, vector)));
        let exact = top_k(exact, 10);
        let found = set.find(&Query::new(query).unwrap(), 10, None, &options).unwrap().best;
        hits += exact.iter().filter(|exact| found.iter().any(|found| found.key == exact.key)).count();
        exact_scores &= (found[0].score - Distance::Cosine.score(query, &model[&found[0].key.0])).abs() < 2e-3;
    }
    assert!(hits >= 950, "{hits} of 1,000");
    assert!(exact_scores, "what is shown is by all values");
}

#[test]
fn many_queries_at_once_answer_as_one_by_one() {
    let model: Model = (0..).zip(vectors(Distance::Cosine, 1, 2_000)).collect();
    let set = filled(Distance::Cosine, &model);
    seal(&set, &policy(1_000));
    let queries: Vec<Query> = vectors(Distance::Cosine, 2, 40).iter().map(|query| Query::new(query).unwrap()).collect();
    let together = set.find_many(&queries, 5, None, &SearchOptions::default()).unwrap();
    for (query, together) in queries.iter().zip(together) {
        assert_eq!(set.find(query, 5, None, &SearchOptions::default()).unwrap(), together);
    }
    assert!(set.find_many(&[Query::new(&[1.0]).unwrap()], 5, None, &SearchOptions::default()).is_err());
}
