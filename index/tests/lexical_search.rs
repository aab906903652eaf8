//! What a search by words finds: ranking, counts, phrases, scripts, and queries nobody should send.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod lexical_world;

use std::collections::BTreeSet;
use std::sync::Arc;

use lexical_world::World;
use neodex_index::lexical::{Analyzer, LexicalChunk, LexicalDocument, LexicalQuery, Ranking};
use neodex_index::{DocumentKey, Key, KeySet};
use proptest::prelude::*;
use serde_json::json;

fn keys(world: &World, query: &str) -> Vec<u64> {
    world.found(query).documents.iter().map(|hit| hit.document.0).collect()
}

#[test]
fn rarer_words_titles_and_repetition_count() {
    let world = World::new();
    world.add(0, "", &["the flow over a plate"], json!({}));
    world.add(1, "", &["the flow of heat, heat, heat"], json!({}));
    world.add(2, "Heat", &["the flow over a plate"], json!({}));
    world.add(3, "", &["nothing of the kind"], json!({}));
    world.index().commit(1).unwrap();
    assert_eq!(keys(&world, "plates"), [0, 2]);
    assert_eq!(keys(&world, "heat flows").iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2]));
    assert_eq!(keys(&world, "heat flows").last(), Some(&0));
    assert_eq!(world.found("what is the flow of heat").total, 3);
}

#[test]
fn chunks_are_ranked_in_their_documents_and_titles_alone_show_the_first() {
    let world = World::new();
    world.add(0, "Graphs", &["an introduction", "deleting a node", "deleting an edge"], json!({}));
    world.index().commit(1).unwrap();
    let query = LexicalQuery::new("deleting edges");
    let chunks = world.index().search_chunks(&query, 10).unwrap();
    assert_eq!(chunks.chunks.iter().map(|hit| hit.key).collect::<Vec<_>>(), [Key(2), Key(1)]);
    assert_eq!(chunks.total, 1);
    let chunks = world.index().search_chunks(&LexicalQuery::new("graph"), 10).unwrap();
    assert_eq!(chunks.chunks.iter().map(|hit| hit.key).collect::<Vec<_>>(), [Key(0)]);
}

#[test]
fn headings_make_their_chunk_match() {
    let world = World::new();
    let fields = lexical_world::metadata(json!({}));
    let chunks = [
        LexicalChunk { headings: "Guide", body: "first words" },
        LexicalChunk { headings: "Guide > Installation", body: "more words" },
    ];
    world.index().add(&LexicalDocument { key: DocumentKey(4), title: "", metadata: &fields, chunks: &chunks }).unwrap();
    world.index().commit(1).unwrap();
    assert_eq!(world.found("installation").documents[0].best_chunk, Key(5));
    assert_eq!(world.found("installation").total, 1);
}

#[test]
fn phrases_must_match_where_any_document_has_them() {
    let world = World::new();
    world.add(0, "", &["the boundary of a layer", "a layer"], json!({}));
    world.add(10, "", &["some layer", "a laminar boundary layer is thin"], json!({}));
    world.index().commit(1).unwrap();
    let hits = world.found("\"boundary layer\"");
    assert_eq!((hits.total, hits.phrases_relaxed), (1, false));
    assert_eq!(hits.documents[0].best_chunk, Key(11));
    assert_eq!(world.found("\"the boundary of a layer\"").total, 1);
    let hits = world.found("\"layer boundary\" thin");
    assert_eq!((hits.total, hits.phrases_relaxed), (2, true));
}

#[test]
fn scripts_without_spaces_are_found() {
    let world = World::new();
    world.add(0, "", &["東京都に住む人々の猫"], json!({}));
    world.add(1, "", &["京都は古い都です"], json!({}));
    world.add(2, "", &["데이터베이스는 문서를 저장한다"], json!({}));
    world.add(3, "", &["ฐานข้อมูลเก็บเอกสาร"], json!({}));
    world.index().commit(1).unwrap();
    assert_eq!(keys(&world, "東京"), [0]);
    assert_eq!(keys(&world, "猫"), [0]);
    assert_eq!(keys(&world, "\"東京都\""), [0]);
    assert_eq!(keys(&world, "문서"), [2]);
    assert_eq!(keys(&world, "เอกสาร"), [3]);
    assert_eq!(keys(&world, "古い京都")[0], 1);
    assert_eq!(world.found("東京都に住む".repeat(500).as_str()).documents[0].document, DocumentKey(0));
}

#[test]
fn only_allowed_chunks_are_found_and_counted() {
    let world = World::new();
    for key in 0..10 {
        world.add(key * 2, "", &["some words", "words again"], json!({}));
    }
    world.index().commit(1).unwrap();
    let mut allowed = KeySet::new();
    allowed.insert_range(DocumentKey(4).keys(2));
    allowed.insert(Key(9));
    let query = LexicalQuery::new("words").allowed(Arc::new(allowed));
    let hits = world.index().search(&query, 10).unwrap();
    assert_eq!(hits.total, 2);
    assert_eq!(
        hits.documents.iter().map(|hit| hit.document).collect::<BTreeSet<_>>(),
        BTreeSet::from([DocumentKey(4), DocumentKey(8)])
    );
    assert_eq!(hits.documents.iter().find(|hit| hit.document == DocumentKey(8)).unwrap().best_chunk, Key(9));
    let none = LexicalQuery::new("words").allowed(Arc::new(KeySet::new()));
    assert_eq!(world.index().search(&none, 10).unwrap().total, 0);
}

#[test]
fn strange_queries_have_answers() {
    let world = World::new();
    world.add(0, "", &["to be or not to be", "alpha"], json!({}));
    world.index().commit(1).unwrap();
    let limits = |query: &str, limit| world.index().search(&LexicalQuery::new(query), limit).unwrap();
    assert_eq!(limits("alpha", 0).total, 1);
    assert!(limits("alpha", 0).documents.is_empty());
    assert_eq!(limits("alpha", usize::MAX).documents.len(), 1);
    assert_eq!(limits("to be or not to be", 1).total, 1);
    for query in ["", "   ", "\"", "\"\"", "?!…", "🦀", "AND OR NOT (", "field:value^2~"] {
        assert!(limits(query, 5).total <= 1, "{query}");
    }
    let mut long: String = (0..10_000).map(|n| format!("word{n} ")).collect();
    long.push_str("alpha");
    assert_eq!(limits(&long, 5).total, 1);
    assert_eq!(limits(&format!("\"{long}\""), 5).total, 1);
}

#[test]
fn the_best_chunk_shows_the_words_that_matched() {
    let world = World::new();
    world.add(0, "", &["nothing here", "the Flows are flowing"], json!({}));
    world.index().commit(1).unwrap();
    let query = LexicalQuery::new("flow");
    let hit = world.index().search(&query, 1).unwrap().documents[0];
    assert_eq!(hit.best_chunk, Key(1));
    assert_eq!(Analyzer::new().highlight("the Flows are flowing", &query.terms), [4..9, 14..21]);
}

/// BM25 as the textbook has it, over token lists.
fn bm25(documents: &[Vec<Vec<&str>>], query: &[&str], ranking: &Ranking) -> Vec<(u64, f32)> {
    let chunks: Vec<&Vec<&str>> = documents.iter().flatten().collect();
    let wholes: Vec<Vec<&str>> = documents.iter().map(|chunks| chunks.concat()).collect();
    let one = |texts: &[&[&str]], text: &[&str]| -> f32 {
        let average = (texts.iter().map(|text| text.len()).sum::<usize>() as f32 / texts.len() as f32).max(1.0);
        query
            .iter()
            .map(|term| {
                let held = texts.iter().filter(|text| text.contains(term)).count() as f32;
                let frequency = text.iter().filter(|word| *word == term).count() as f32;
                let weight = (1.0 + (texts.len() as f32 - held + 0.5) / (held + 0.5)).ln();
                let length = 1.0 - ranking.b + ranking.b * text.len() as f32 / average;
                weight * frequency * (ranking.k1 + 1.0) / (frequency + ranking.k1 * length)
            })
            .sum()
    };
    let chunk_texts: Vec<&[&str]> = chunks.iter().map(|text| text.as_slice()).collect();
    let whole_texts: Vec<&[&str]> = wholes.iter().map(Vec::as_slice).collect();
    let mut scored = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let whole = one(&whole_texts, &wholes[at]);
        let best = document.iter().map(|chunk| one(&chunk_texts, chunk)).fold(0.0, f32::max);
        if whole > 0.0 {
            scored.push((at as u64 * 100, (1.0 - ranking.passage) * whole + ranking.passage * best));
        }
    }
    scored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn scores_are_bm25(
        documents in prop::collection::vec(prop::collection::vec(prop::collection::vec(0usize..6, 1..12), 1..4), 1..12),
        splits in prop::collection::vec(any::<bool>(), 12),
    ) {
        const WORDS: [&str; 6] = ["wing", "lift", "drag", "heat", "plate", "shock"];
        let documents: Vec<Vec<Vec<&str>>> = documents
            .iter()
            .map(|chunks| chunks.iter().map(|words| words.iter().map(|&word| WORDS[word]).collect()).collect())
            .collect();
        let world = World::new();
        for (at, chunks) in documents.iter().enumerate() {
            let bodies: Vec<String> = chunks.iter().map(|words| words.join(" ")).collect();
            let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
            world.add(at as u64 * 100, "", &bodies, json!({}));
            if splits[at] {
                world.index().commit(at as u64).unwrap();
            }
        }
        world.index().commit(100).unwrap();
        let query = ["wing", "heat"];
        let expected = bm25(&documents, &query, &Ranking::default());
        let hits = world.index().search(&LexicalQuery::new(&query.join(" ")), 100).unwrap();
        prop_assert_eq!(hits.total, expected.len() as u64);
        for hit in &hits.documents {
            let (_, score) = expected.iter().find(|(key, _)| *key == hit.document.0).unwrap();
            prop_assert!((score - hit.score).abs() < 1e-4, "{} {}", score, hit.score);
        }
        prop_assert!(hits.documents.windows(2).all(|pair| (pair[1].score, pair[0].document) <= (pair[0].score, pair[1].document)));
    }
}
