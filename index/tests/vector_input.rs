//! What the vector index says to input that does not fit, and at the edges of what does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use neodex_index::vector::{
    Code, Distance, MAX_DIMENSION, Memtable, Query, RowFormat, VectorIndex, VectorSet, normalise,
};
use neodex_index::{Error, ErrorKind, Key, KeySet};

fn code(vector: &[f32]) -> Code {
    Code::encode(vector).unwrap()
}

#[test]
fn a_dimension_must_be_possible_and_the_same_everywhere() {
    for dimension in [0, MAX_DIMENSION + 1] {
        let error = VectorSet::new(dimension, Distance::Cosine).unwrap_err();
        assert!(matches!(error, Error::UnsupportedDimension { .. }));
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    let set = VectorSet::new(3, Distance::Cosine).unwrap();
    let mismatch = |error: Error| matches!(error, Error::DimensionMismatch { expected: 3, found: 2 });
    assert!(mismatch(set.insert(Key(1), &code(&[1.0, 2.0])).unwrap_err()));
    assert!(mismatch(set.candidates(&Query::new(&[1.0, 2.0]).unwrap(), 1, None).unwrap_err()));
    let some_fit = [(Key(1), code(&[1.0; 3])), (Key(2), code(&[1.0; 2])), (Key(3), code(&[1.0; 3]))];
    assert!(mismatch(set.insert_many(some_fit).unwrap_err()));
    assert!(set.contains(Key(1)) && set.len() == 1);
}

#[test]
fn a_query_that_is_no_number_is_refused() {
    let set = VectorSet::new(2, Distance::Euclidean).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let found = set.search(&[0.0, bad], 1, None, |_| Ok::<_, Error>(None));
        assert!(matches!(found, Err(Error::NotFinite { position: 1 })));
    }
}

#[test]
fn every_dimension_works_at_its_edges() {
    for dimension in [1, 2, 31, 32, 33, 384, MAX_DIMENSION] {
        let mut near = vec![0.5; dimension];
        near[0] = 0.25;
        for distance in Distance::ALL {
            let memtable = Memtable::new(dimension, distance).unwrap();
            memtable.insert(Key(7), &code(&near)).unwrap();
            memtable.insert(Key(3), &code(&vec![-0.5; dimension])).unwrap();
            let found = memtable.search(&Query::new(&near).unwrap(), 5, None).unwrap();
            assert_eq!(found.iter().map(|found| found.key.0).collect::<Vec<_>>(), [7, 3], "{distance} at {dimension}");
        }
    }
}

#[test]
fn a_zero_vector_scores_zero_and_never_nan() {
    let memtable = Memtable::new(2, Distance::Cosine).unwrap();
    let vectors = [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]];
    memtable.insert_many((1..).map(Key).zip(vectors.iter().map(|vector| code(vector)))).unwrap();
    let keys = |query: [f32; 2]| -> Vec<u64> {
        let found = memtable.search(&Query::new(&query).unwrap(), 9, None).unwrap();
        assert!(found.iter().all(|found| !found.score.is_nan()));
        found.iter().map(|found| found.key.0).collect()
    };
    assert_eq!(keys([1.0, 0.0]), [2, 1, 4, 3]);
    assert_eq!(keys([0.0, 0.0]), [1, 2, 3, 4]);
}

#[test]
fn the_largest_and_smallest_vectors_have_finite_scores() {
    for distance in Distance::ALL {
        let memtable = Memtable::new(2, distance).unwrap();
        let vectors = [[5e18, 0.0], [-5e18, 0.0], [1e-45, 0.0], [1e-38, -1e-38]];
        memtable.insert_many((1..).map(Key).zip(vectors.iter().map(|vector| code(vector)))).unwrap();
        for query in vectors {
            let found = memtable.search(&Query::new(&query).unwrap(), 9, None).unwrap();
            assert_eq!(found.len(), 4);
            assert!(found.iter().all(|found| found.score.is_finite()), "{distance}: {found:?}");
        }
    }
}

#[test]
fn limits_of_nothing_and_of_everything() {
    let set = VectorSet::new(1, Distance::DotProduct).unwrap();
    let query = Query::new(&[1.0]).unwrap();
    assert!(set.candidates(&query, 10, None).unwrap().is_empty());
    set.insert_many((0..100).map(|key| (Key(key), code(&[key as f32])))).unwrap();
    assert!(set.candidates(&query, 0, None).unwrap().is_empty());
    assert_eq!(set.candidates(&query, usize::MAX, None).unwrap().len(), 100);
    assert!(set.candidates(&query, 3, Some(&KeySet::new())).unwrap().is_empty());
    let beyond: KeySet = [Key(99), Key(u64::MAX)].into_iter().collect();
    assert_eq!(set.candidates(&query, 3, Some(&beyond)).unwrap().len(), 1);
}

#[test]
fn memory_is_given_back() {
    let set = VectorSet::new(64, Distance::Cosine).unwrap();
    set.insert_many((0..20_000).map(|key| (Key(key), code(&[1.0; 64])))).unwrap();
    let full = set.bytes();
    assert!((20_000 * 96..2 * 20_000 * 96).contains(&full), "{full}");
    assert_eq!(set.remove_range(0..20_000), 20_000);
    assert!(set.is_empty() && set.bytes() < full / 10);
    assert_eq!(set.remove_range(5..5), 0);
    assert!(!set.remove(Key(1)));
}

/// The write path in small: the row and the code of one vector, stored, read back, searched.
#[test]
fn what_is_stored_is_what_is_found() {
    let mut vector = vec![3.0, 0.0, -4.0];
    normalise(&mut vector);
    let row = RowFormat::F16.encode(&vector).unwrap();
    let stored = Code::encode(&vector).unwrap().to_bytes();
    let set = VectorSet::new(3, Distance::Cosine).unwrap();
    set.insert(Key(5), &Code::from_bytes(&stored, 3).unwrap()).unwrap();
    let found = set.search(&[0.6, 0.0, -0.8], 1, None, |_| RowFormat::F16.decode(&row, 3).map(Some)).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].key == Key(5) && (found[0].score - 1.0).abs() < 1e-3);
}
