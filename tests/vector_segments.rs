//! Vectors that were brought from outside, sealed into segments, and kept over restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../index/tests/vectors/mod.rs"]
mod vectors;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use neodex::index::vector::{CodedRows, Neighbours, NeighboursError, RowTerms};
use neodex::{Config, Database, Distance, Document, Mode, Rescoring, RowFormat, SealPolicy};
use serde_json::json;

const DIMENSION: usize = 24;

fn config(seal_at: usize) -> Config {
    Config { sealing: SealPolicy::default().with_seal_at(seal_at), ..Config::default() }
}

fn open(path: &std::path::Path, seal_at: usize) -> Database {
    Database::builder(path).config(config(seal_at)).vectors(DIMENSION).open().unwrap()
}

fn vector(number: u64) -> Vec<f32> {
    vectors::vector(DIMENSION, number)
}

fn document(number: u64) -> Document {
    let mut document = Document::new(format!("d{number}"), "");
    document.metadata.insert("tenth", number % 10);
    document
}

fn insert(database: &Database, numbers: std::ops::Range<u64>) {
    let report = database.insert_vectors(numbers.map(|number| (document(number), vector(number)))).unwrap();
    assert_eq!(report.failed, []);
}

fn nearest(database: &Database, number: u64) -> String {
    let found = database.search_vector(vector(number)).limit(1).run().unwrap();
    found.hits[0].document_id.to_string()
}

#[test]
fn segments_survive_a_restart_and_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let database = open(&path, 500);
    insert(&database, 0..2_000);
    database.wait_until_sealed(|_| true).unwrap();
    let stats = database.stats().unwrap();
    assert!(stats.vector_segments >= 1 && stats.unsealed_vectors < 500, "{stats:?}");
    insert(&database, 2_000..2_100);
    assert_eq!(database.delete_where("tenth = 3").unwrap(), 210);
    assert_ne!(nearest(&database, 13), "d13");
    let before: Vec<String> = (0..50).map(|number| nearest(&database, number)).collect();
    drop(database);

    let database = open(&path, 500);
    assert_eq!(database.notices(), &[] as &[String]);
    let stats = database.stats().unwrap();
    assert_eq!((stats.vectors, stats.documents), (1_890, 1_890));
    assert!(stats.vector_segments >= 1 && stats.unsealed_vectors <= 500, "{stats:?}");
    let after: Vec<String> = (0..50).map(|number| nearest(&database, number)).collect();
    assert_eq!(before, after);
    assert_eq!(nearest(&database, 2_050), "d2050");

    // More than a fifth deleted: the segment is built again.
    database.delete_where("tenth IN [1, 2, 4, 5]").unwrap();
    insert(&database, 3_000..3_500);
    database.wait_until_sealed(|_| true).unwrap();
    assert_eq!(nearest(&database, 3_499), "d3499");
    assert_eq!(nearest(&database, 6), "d6");
    drop(database);
    let database = open(&path, 500);
    assert_eq!(nearest(&database, 3_499), "d3499");
    let verified = database.verify(&mut |_| {}).unwrap();
    assert_eq!(verified.faults, []);
}

/// The segment that is being built: how many vectors it will have, and how many are linked.
fn building(database: &Database) -> Option<(usize, usize)> {
    let mut building = None;
    database
        .wait_until_sealed(|progress| {
            building = progress.building;
            false
        })
        .unwrap();
    building
}

/// Ends the searches however the test ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What has been acknowledged is found by every search that begins after it, whatever is sealed or merged meanwhile, and inserts do not wait for it.
#[test]
fn inserts_are_acknowledged_and_found_while_segments_are_merged() {
    const SEAL_AT: usize = 400;
    const BATCH: u64 = 20;
    const WANTED: usize = 5;
    let mut config = config(SEAL_AT);
    // Builds that take longer than a few inserts.
    config.graph.width = 800;
    let database = Database::temporary_builder().unwrap().config(config).vectors(DIMENSION).open().unwrap();
    let (acknowledged, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for searcher in 0..2u64 {
            let (database, acknowledged, done) = (&database, &acknowledged, &done);
            scope.spawn(move || {
                let mut turn = searcher;
                while !done.load(Ordering::Acquire) {
                    let known = acknowledged.load(Ordering::Acquire);
                    if known > 0 {
                        // Old ones and the newest by turns.
                        turn = turn.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                        let number = if turn & 1 == 0 { known - 1 } else { (turn >> 33) % known };
                        assert_eq!(nearest(database, number), format!("d{number}"), "of {known}");
                    }
                }
            });
        }
        let _over = Over(&done);
        // Inserts that began and ended within one building of a segment that takes in others.
        let mut within_a_merge = 0;
        for from in (0..40_000).step_by(BATCH as usize) {
            let before = building(&database);
            insert(&database, from..from + BATCH);
            acknowledged.store(from + BATCH, Ordering::Release);
            let after = building(&database);
            if let (Some((vectors, linked)), Some((same, further))) = (before, after)
                && vectors == same
                && linked <= further
                && vectors > 2 * SEAL_AT
            {
                within_a_merge += 1;
            }
            if within_a_merge >= WANTED {
                break;
            }
        }
        assert!(within_a_merge >= WANTED, "{within_a_merge} inserts came while segments were merged");
    });
    let known = acknowledged.into_inner();
    database.wait_until_sealed(|_| true).unwrap();
    assert_eq!(database.stats().unwrap().vectors, known);
    (0..known).step_by(7).for_each(|number| assert_eq!(nearest(&database, number), format!("d{number}")));
}

/// Sixteen bits a value give the scores of the full rows, after an open as after sealing, and are a choice of each open.
#[test]
fn segments_may_keep_more_of_every_vector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let open = |rescoring| {
        let config = Config { rescoring, ..config(300) };
        Database::builder(&path).config(config).vectors(DIMENSION).open().unwrap()
    };
    let farthest = |database: &Database| {
        let off = |number: u64| {
            let found = database.search_vector(vector(number + 10_000)).limit(1).run().unwrap();
            let hit = &found.hits[0];
            let own: u64 = hit.document_id.as_str()[1..].parse().unwrap();
            // The row as it is stored.
            let row = RowFormat::F16.decode(&RowFormat::F16.encode(&vector(own)).unwrap(), DIMENSION).unwrap();
            (hit.score - Distance::Cosine.score(&vector(number + 10_000), &row)).abs()
        };
        (0..50).map(off).fold(0.0, f32::max)
    };
    let database = open(Rescoring::SixteenBits);
    insert(&database, 0..600);
    database.wait_until_sealed(|_| true).unwrap();
    assert_eq!(database.stats().unwrap().unsealed_vectors, 0);
    let (built, bytes) = (farthest(&database), database.stats().unwrap().bytes.vectors_in_memory);
    drop(database);
    let database = open(Rescoring::SixteenBits);
    let opened = farthest(&database);
    drop(database);
    let database = open(Rescoring::TwelveBits);
    let twelve = farthest(&database);
    assert!(
        built < 1e-5 && opened == built && twelve > 5e-5,
        "{built} built, {opened} opened, {twelve} by twelve bits"
    );
    assert!(database.stats().unwrap().bytes.vectors_in_memory < bytes);
}

/// Finds neighbours by the formula that rows come with, until it is told to fail.
#[derive(Debug, Clone, Default)]
struct Plain {
    fails: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Neighbours for Plain {
    fn find(
        &self,
        rows: &CodedRows<'_>,
        count: usize,
        found: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<(), NeighboursError> {
        if self.fails.load(Ordering::Acquire) {
            return Err("it was told to fail".into());
        }
        let codes: Vec<&[i8]> = rows.codes(0..rows.len()).chunks(rows.width()).collect();
        let terms: Vec<RowTerms> = rows.terms(0..rows.len()).collect();
        for (row, own) in terms.iter().enumerate() {
            let score = |other: usize| {
                let dot: i32 = codes[row].iter().zip(codes[other]).map(|(&l, &r)| i32::from(l) * i32::from(r)).sum();
                let other = &terms[other];
                rows.scale() * own.factor * other.factor * dot as f32 + other.offset + own.lift * other.lift
            };
            let mut others: Vec<(f32, u32)> =
                (0..rows.len()).filter(|&other| other != row).map(|other| (-score(other), other as u32)).collect();
            others.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
            let list: Vec<u32> = others.iter().take(count).map(|&(_, other)| other).collect();
            self.answered.fetch_add(1, Ordering::AcqRel);
            if !found(&list) {
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn segments_are_linked_by_whatever_finds_neighbours_and_without_it_when_it_fails() {
    for distance in Distance::ALL {
        let (neighbours, told) = (Plain::default(), Arc::new(Mutex::new(Vec::new())));
        let hear = Arc::clone(&told);
        let builder = Database::temporary_builder().unwrap().config(Config { distance, ..config(300) });
        let builder = builder.on_notice(move |notice| hear.lock().unwrap().push(notice.to_owned()));
        let database = builder.vectors(DIMENSION).neighbours(neighbours.clone()).open().unwrap();
        insert(&database, 0..600);
        database.wait_until_sealed(|_| true).unwrap();
        let answered = neighbours.answered.load(Ordering::Acquire);
        assert!(answered >= 300 && told.lock().unwrap().is_empty(), "{answered} rows");
        neighbours.fails.store(true, Ordering::Release);
        insert(&database, 600..2_000);
        database.wait_until_sealed(|_| true).unwrap();
        assert_eq!(neighbours.answered.load(Ordering::Acquire), answered);
        let stats = database.stats().unwrap();
        assert!(stats.vectors == 2_000 && stats.unsealed_vectors < 300, "{stats:?}");
        let told = told.lock().unwrap();
        assert!(told.len() == 1 && told[0].contains("it was told to fail"), "once is enough: {told:?}");
        let best = |number: u64| {
            let score = |other: &u64| distance.score(&vector(number), &vector(*other));
            (0..2_000).max_by(|left, right| score(left).total_cmp(&score(right))).unwrap()
        };
        let found = (0..4_000).step_by(97).filter(|&number| nearest(&database, number) == format!("d{}", best(number)));
        assert!(found.count() >= 40, "{distance}: of 42");
    }
}

#[test]
fn brought_vectors_are_replaced_filtered_and_explained() {
    let database = Database::temporary_builder().unwrap().config(config(300)).vectors(DIMENSION).open().unwrap();
    insert(&database, 0..600);
    database.wait_until_sealed(|_| true).unwrap();
    // The same document with another vector is another version of it.
    database.insert_vectors([(document(5), vector(9_999))]).unwrap();
    assert_eq!(nearest(&database, 9_999), "d5");
    assert_ne!(nearest(&database, 5), "d5");
    assert_eq!(database.stats().unwrap().vectors, 600);

    let found = database.search_vector(vector(44)).filter("tenth = 4").limit(3).explain().run().unwrap();
    assert_eq!(found.hits[0].document_id.to_string(), "d44");
    assert!(found.hits.iter().all(|hit| hit.metadata.as_map()["tenth"] == json!(4)));
    let plan = found.plan.unwrap();
    assert_eq!(plan.allowed, Some(60));
    assert!(plan.segments[0].way.starts_with("exact scan"), "{plan:?}");
    assert!(database.search_vector(vector(44)).run().unwrap().plan.is_none());
}

#[test]
fn what_does_not_fit_is_said() {
    let database = Database::temporary_builder().unwrap().vectors(3).open().unwrap();
    let items = [vec![1.0, 2.0], vec![1.0, f32::NAN, 0.0], vec![1.0, 2.0, 3.0]];
    let items = (0..).zip(items).map(|(number, vector)| (Document::new(format!("d{number}"), "some words"), vector));
    let report = database.insert_vectors(items).unwrap();
    assert_eq!((report.added, report.failed.len()), (1, 2));
    assert!(report.failed.iter().any(|failure| failure.reason.contains("2 dimensions")), "{:?}", report.failed);
    assert!(database.search_vector(vec![1.0; 4]).run().is_err());
    assert!(database.search("words").mode(Mode::Dense).run().is_err(), "no model makes a vector of text here");
    let found = database.search("words").run().unwrap();
    assert_eq!((found.mode, found.hits.len()), (Mode::Lexical, 1));

    let words = Database::temporary_builder().unwrap().without_embedder().open().unwrap();
    assert!(words.insert_vectors([(Document::new("a", ""), vec![1.0])]).is_err());
    assert!(Database::temporary_builder().unwrap().vectors(4_097).open().is_err());
}

#[test]
fn vectors_of_every_size_are_kept() {
    for dimension in [1, 33, 2_600, 4_096] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let open = || Database::builder(&path).vectors(dimension).open().unwrap();
        let vector =
            |number: usize| -> Vec<f32> { (0..dimension).map(|i| ((i * 7 + number * 5) % 11) as f32 - 5.5).collect() };
        let database = open();
        let items = (0..4).map(|number| (Document::new(format!("d{number}"), ""), vector(number)));
        assert_eq!(database.insert_vectors(items).unwrap().added, 4);
        drop(database);
        let database = open();
        let found = database.search_vector(vector(2)).limit(1).run().unwrap();
        assert!((found.hits[0].score - 1.0).abs() < 1e-3, "dimension {dimension}: {}", found.hits[0].score);
    }
}
