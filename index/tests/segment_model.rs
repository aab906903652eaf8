//! Small sets against a map that is sorted: exact answers after any series of inserts, removals, seals and merges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod seals;

use std::collections::BTreeMap;

use neodex_index::vector::{
    BuildOptions, Code, Distance, Query, SearchOptions, SegmentBuilder, SegmentLoader, VectorSet,
};
use neodex_index::{Error, Key, KeySet, Scored, top_k};
use proptest::prelude::*;
use seals::{policy, seal};

const DIMENSION: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Insert(u64, Vec<f32>),
    Remove(u64),
    RemoveRange(u64, u64),
    /// Begins sealing, changes something, and only then installs.
    Seal(u64, Vec<f32>, u64),
    GiveUp,
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-2i8..=2).prop_map(|value| f32::from(value) / 8.0), DIMENSION)
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0u64..40;
    prop_oneof![
        6 => (key.clone(), vector()).prop_map(|(key, vector)| Step::Insert(key, vector)),
        2 => key.clone().prop_map(Step::Remove),
        1 => (key.clone(), 0u64..10).prop_map(|(from, length)| Step::RemoveRange(from, from + length)),
        2 => (key.clone(), vector(), key).prop_map(|(key, vector, removed)| Step::Seal(key, vector, removed)),
        1 => Just(Step::GiveUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn searches_agree_with_sorting(
        distance in prop::sample::select(Distance::ALL.to_vec()),
        steps in prop::collection::vec(step(), 0..80),
        query in vector(),
        limit in 0usize..12,
        kept in prop::option::of(prop::collection::btree_set(0u64..50, 0..40)),
    ) {
        let set = VectorSet::new(DIMENSION, distance).unwrap();
        let mut model: BTreeMap<Key, Vec<f32>> = BTreeMap::new();
        let policy = policy(6);
        let mut number = 0;
        for step in steps {
            match step {
                Step::Insert(key, vector) => {
                    set.insert(Key(key), &Code::encode(&vector).unwrap()).unwrap();
                    model.insert(Key(key), vector);
                }
                Step::Remove(key) => prop_assert_eq!(set.remove(Key(key)), model.remove(&Key(key)).is_some()),
                Step::RemoveRange(from, to) => {
                    let before = model.len();
                    model.retain(|key, _| !(from..to).contains(&key.0));
                    prop_assert_eq!(set.remove_range(from..to), before - model.len());
                }
                Step::Seal(key, vector, removed) => {
                    let Some(sealing) = set.begin(&policy).unwrap() else { continue };
                    prop_assert!(set.begin(&policy).unwrap().is_none(), "one at a time");
                    set.insert(Key(key), &Code::encode(&vector).unwrap()).unwrap();
                    model.insert(Key(key), vector);
                    prop_assert_eq!(set.remove(Key(removed)), model.remove(&Key(removed)).is_some());
                    let built = sealing.build(DIMENSION, distance, &BuildOptions::default(), |_| true).unwrap().unwrap();
                    set.remove_range(removed..removed + 2);
                    model.retain(|key, _| !(removed..removed + 2).contains(&key.0));
                    number += 1;
                    set.install(sealing, number, built);
                }
                Step::GiveUp => {
                    if let Some(sealing) = set.begin(&policy).unwrap() {
                        set.give_up(sealing);
                    }
                }
            }
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert!((0..50).all(|key| set.contains(Key(key)) == model.contains_key(&Key(key))));

        let allowed: Option<KeySet> = kept.map(|kept| kept.into_iter().map(Key).collect());
        let rows = |key| Ok::<_, Error>(model.get(&key).cloned());
        let found = set.search(&query, limit, allowed.as_ref(), rows).unwrap();
        let candidates = model.iter().filter(|(key, _)| allowed.as_ref().is_none_or(|allowed| allowed.contains(**key)));
        let expected = top_k(candidates.map(|(key, vector)| Scored::new(*key, distance.score(&query, vector))), limit);
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn duplicates_are_all_found_and_deleted_one_by_one() {
    let mut builder = SegmentBuilder::new(DIMENSION, Distance::Cosine, 0).unwrap();
    let (same, other) = (Code::encode(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap(), Code::encode(&[1.0; DIMENSION]).unwrap());
    for key in 0..2_500 {
        builder.push(Key(key), if key % 500 == 0 { &other } else { &same }).unwrap();
    }
    let segment = builder.build(&BuildOptions::default(), |_| true).unwrap().unwrap();
    let query = Query::new(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    let keys = |limit| segment.find(&query, limit, None, &SearchOptions::default()).unwrap().0;
    assert_eq!(keys(3).iter().map(|found| found.key.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(keys(2_500).len(), 2_500);
    assert!(segment.remove(Key(2)) && !segment.remove(Key(2)));
    assert_eq!(keys(3).iter().map(|found| found.key.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(segment.remove_range(1..500), 498);
    assert_eq!(keys(1)[0].key, Key(501));
}

#[test]
fn what_is_deleted_before_it_is_built_leaves_an_empty_segment() {
    let set = VectorSet::new(2, Distance::Cosine).unwrap();
    set.insert_many((0..20).map(|key| (Key(key), Code::encode(&[1.0, key as f32]).unwrap()))).unwrap();
    let sealing = set.begin(&policy(10)).unwrap().unwrap();
    assert_eq!(set.remove_range(0..20), 20);
    let segment = sealing.build(2, Distance::Cosine, &BuildOptions::default(), |_| true).unwrap().unwrap();
    let loader = SegmentLoader::new(&segment.to_bytes(), 2, Distance::Cosine).unwrap();
    assert_eq!(loader.finish().map(|loaded| loaded.len()), Some(0));
    set.install(sealing, 1, segment);
    let query = Query::new(&[1.0, 2.0]).unwrap();
    assert_eq!(set.find(&query, 3, None, &SearchOptions::default()).unwrap().best, []);
    set.insert(Key(3), &Code::encode(&[1.0, 2.0]).unwrap()).unwrap();
    assert_eq!(set.find(&query, 3, None, &SearchOptions::default()).unwrap().best.len(), 1);
}

#[test]
fn a_build_stops_when_told_to() {
    let set = VectorSet::new(2, Distance::Cosine).unwrap();
    set.insert_many((0..500).map(|key| (Key(key), Code::encode(&[1.0, key as f32]).unwrap()))).unwrap();
    let sealing = set.begin(&policy(100)).unwrap().unwrap();
    let stopped = sealing.build(2, Distance::Cosine, &BuildOptions::default(), |linked| linked < 200).unwrap();
    assert!(stopped.is_none());
    set.give_up(sealing);
    assert_eq!((set.len(), set.unsealed()), (500, 500));
    assert_eq!(seal(&set, &policy(100)), 1);
    assert_eq!((set.len(), set.unsealed(), set.segments().len()), (500, 0, 1));
}
