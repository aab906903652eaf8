//! The vector set against a model: a map of full vectors and a sort.
//!
//! Whatever is inserted, replaced and removed, a search finds what sorting the vectors by their exact scores finds, and the codes alone are
//! wrong by no more than quantisation allows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use neodex_index::vector::{Code, Distance, Memtable, Query, VectorIndex, VectorSet};
use neodex_index::{Error, Key, KeySet, Scored};
use proptest::prelude::*;

const DIMENSION: usize = 7;

type Model = BTreeMap<Key, Vec<f32>>;

/// Small whole numbers over eight: many equal vectors and equal scores, all computed exactly.
fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-3i8..=3).prop_map(|value| f32::from(value) / 8.0), DIMENSION)
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u64, Vec<f32>),
    InsertMany(Vec<(u64, Vec<f32>)>),
    Remove(u64),
    RemoveRange(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0u64..60;
    prop_oneof![
        4 => (key.clone(), vector()).prop_map(|(key, vector)| Step::Insert(key, vector)),
        2 => prop::collection::vec((key.clone(), vector()), 0..20).prop_map(Step::InsertMany),
        2 => key.clone().prop_map(Step::Remove),
        1 => (key, 0u64..20).prop_map(|(from, length)| Step::RemoveRange(from, from + length)),
    ]
}

fn apply(step: Step, set: &VectorSet, model: &mut Model) {
    match step {
        Step::Insert(key, vector) => {
            set.insert(Key(key), &Code::encode(&vector).unwrap()).unwrap();
            model.insert(Key(key), vector);
        }
        Step::InsertMany(vectors) => {
            let codes = vectors.iter().map(|(key, vector)| (Key(*key), Code::encode(vector).unwrap()));
            set.insert_many(codes).unwrap();
            model.extend(vectors.into_iter().map(|(key, vector)| (Key(key), vector)));
        }
        Step::Remove(key) => assert_eq!(set.remove(Key(key)), model.remove(&Key(key)).is_some()),
        Step::RemoveRange(from, to) => {
            let before = model.len();
            model.retain(|key, _| !(from..to).contains(&key.0));
            assert_eq!(set.remove_range(from..to), before - model.len());
        }
    }
}

/// The answer by definition.
fn sorted(model: &Model, distance: Distance, query: &[f32], allowed: Option<&KeySet>, limit: usize) -> Vec<Scored> {
    let mut all: Vec<Scored> = model
        .iter()
        .filter(|(key, _)| allowed.is_none_or(|allowed| allowed.contains(**key)))
        .map(|(key, vector)| Scored::new(*key, distance.score(query, vector)))
        .collect();
    all.sort();
    all.truncate(limit);
    all
}

fn distance() -> impl Strategy<Value = Distance> {
    prop::sample::select(Distance::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn searches_agree_with_sorting(
        distance in distance(),
        steps in prop::collection::vec(step(), 0..40),
        query in vector(),
        limit in 0usize..12,
        kept in prop::option::of(prop::collection::btree_set(0u64..80, 0..60)),
    ) {
        let set = VectorSet::new(DIMENSION, distance).unwrap();
        let mut model = Model::new();
        for step in steps {
            apply(step, &set, &mut model);
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert!((0..80).all(|key| set.contains(Key(key)) == model.contains_key(&Key(key))));

        let allowed: Option<KeySet> = kept.map(|kept| kept.into_iter().map(Key).collect());
        let rows = |key| Ok::<_, Error>(model.get(&key).cloned());
        let found = set.search(&query, limit, allowed.as_ref(), rows).unwrap();
        prop_assert_eq!(found, sorted(&model, distance, &query, allowed.as_ref(), limit));
    }

    /// The best by code is within the quantisation error of the best there is: twice, once for each of the two.
    #[test]
    fn the_best_by_code_is_as_good_as_codes_can_tell(
        distance in distance(),
        vectors in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, DIMENSION), 1..50),
        query in prop::collection::vec(-1.0f32..1.0, DIMENSION),
    ) {
        let memtable = Memtable::new(DIMENSION, distance).unwrap();
        let codes: Vec<Code> = vectors.iter().map(|vector| Code::encode(vector).unwrap()).collect();
        memtable.insert_many((0..).map(Key).zip(codes.iter().cloned())).unwrap();
        let query_code = Code::encode(&query).unwrap();
        let sum = |values: &[f32]| values.iter().map(|value| value.abs()).sum::<f32>();
        let bound = |row: usize| {
            // Each value is off by a step at most, and a scale is within 1/254 of its step.
            let (scale, other) = (codes[row].scale() * 1.005, query_code.scale() * 1.005);
            let dot = sum(&query) * scale + sum(&vectors[row]) * other + DIMENSION as f32 * scale * other;
            1e-5 + match distance {
                Distance::Cosine if query_code.norm() * codes[row].norm() == 0.0 => 0.0,
                Distance::Cosine => dot / (query_code.norm() * codes[row].norm()),
                Distance::DotProduct => dot,
                Distance::Euclidean => 2.0 * dot,
            }
        };
        for found in memtable.search(&Query::new(&query).unwrap(), vectors.len(), None).unwrap() {
            let row = found.key.0 as usize;
            let exact = distance.score(&query, &vectors[row]);
            prop_assert!((found.score - exact).abs() <= bound(row), "{} for {exact}", found.score);
        }
    }
}

/// More rows than the scan's chunks, blocks and single-thread limit hold, so that every path is walked; scores tie in hundreds.
#[test]
fn large_sets_agree_too() {
    const ROWS: u64 = 25_000;
    let vector = |key: u64| -> Vec<f32> {
        (0..DIMENSION as u64).map(|i| ((key.wrapping_mul(2 * i + 3) >> 2) % 7) as f32 - 3.0).collect()
    };
    for distance in Distance::ALL {
        let memtable = Memtable::new(DIMENSION, distance).unwrap();
        memtable.insert_many((0..ROWS).map(|key| (Key(key), Code::encode(&vector(key)).unwrap()))).unwrap();
        assert_eq!(memtable.remove_range(100..4_000), 3_900);
        let query = Query::new(&vector(12_345)).unwrap();
        let few: KeySet = (0..ROWS).step_by(50).map(Key).collect();
        let most: KeySet = (0..ROWS).filter(|key| key % 3 != 0).map(Key).collect();
        for allowed in [None, Some(&few), Some(&most), Some(&KeySet::new())] {
            // Each row searched alone has the score it has among the others, so the ranking is that of the scores.
            let all = memtable.search(&query, ROWS as usize, allowed).unwrap();
            let expected = (0..ROWS).filter(|&key| {
                !(100..4_000).contains(&key) && allowed.is_none_or(|allowed| allowed.contains(Key(key)))
            });
            assert_eq!(all.len(), expected.clone().count());
            assert!(all.is_sorted(), "best first, equal scores by key");
            let mut keys: Vec<u64> = all.iter().map(|found| found.key.0).collect();
            keys.sort_unstable();
            assert!(keys.into_iter().eq(expected));
            for limit in [1, 10, 777] {
                let found = memtable.search(&query, limit, allowed).unwrap();
                assert_eq!(found, all[..limit.min(all.len())], "{distance}, limit {limit}");
            }
        }
    }
}
