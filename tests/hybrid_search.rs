//! What a search promises: both legs, fusion, filters, facets, grouping, stable pages, passages with their words marked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod words;

use std::collections::HashSet;

use neodex::{Database, Document, Fusion, Group, Mode};
use words::WordEmbedder;

/// Wide enough that words do not collide by chance.
const WORDS: WordEmbedder = WordEmbedder { dimension: 256 };

fn library() -> (tempfile::TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::builder(dir.path().join("db")).embedder(WORDS).open().unwrap();
    let topics = ["apple", "banana", "cherry", "damson"];
    let documents = (0..120).map(|i| {
        let topic = topics[i % 4];
        let text = format!("Entry {i} is about the {topic} and its harvest. ").repeat(1 + i % 3)
            + &"Filler follows for some time, as it does. ".repeat(i % 60);
        Document::new(format!("d{i}"), text)
            .title(format!("On the {topic}"))
            .metadata("topic", topic)
            .metadata("year", 1990 + i as i64 % 30)
            .metadata("tags", serde_json::json!(["fruit", topic]))
    });
    assert_eq!(db.insert_many(documents).unwrap().failed, []);
    (dir, db)
}

#[test]
fn each_mode_finds_and_explains() {
    let (_dir, db) = library();
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        for fusion in [Fusion::Auto, Fusion::Rrf, Fusion::Relative] {
            let results = db.search("cherry harvest").mode(mode).fusion(fusion).explain().run().unwrap();
            assert_eq!(results.mode, mode);
            assert_eq!(results.hits.len(), 10);
            // By meaning, a short text about another harvest may come before a long one that mentions cherries.
            let sure = if mode == Mode::Lexical { 10 } else { 1 };
            for (place, hit) in results.hits.iter().enumerate() {
                let explain = hit.explain.unwrap();
                assert_eq!(explain.dense.is_some(), mode != Mode::Lexical);
                assert_eq!(explain.lexical.is_some(), mode != Mode::Dense);
                assert_eq!(&db.get(hit.document_id.as_str()).unwrap().unwrap().text[hit.span.clone()], hit.text);
                if place >= sure {
                    continue;
                }
                assert_eq!(hit.metadata.get("topic").unwrap(), "cherry", "{mode:?} {fusion:?}");
                let marked: HashSet<&str> = hit.highlights.iter().map(|word| &hit.text[word.clone()]).collect();
                assert!(marked.contains("cherry"), "{marked:?}");
                assert!(hit.text[hit.sentence.clone().unwrap()].contains("cherry"));
            }
            assert!(results.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}

#[test]
fn a_weight_of_nothing_leaves_the_other_leg() {
    let (_dir, db) = library();
    let ids = |results: neodex::SearchResults| results.hits.into_iter().map(|hit| hit.document_id).collect::<Vec<_>>();
    let words_only = ids(db.search("damson").weights(0.0, 1.0).run().unwrap());
    assert_eq!(words_only, ids(db.search("damson").mode(Mode::Lexical).run().unwrap()));
    let meaning_only = ids(db.search("damson").weights(1.0, 0.0).run().unwrap());
    assert_eq!(meaning_only, ids(db.search("damson").mode(Mode::Dense).run().unwrap()));
}

#[test]
fn pages_follow_each_other() {
    let (_dir, db) = library();
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        for group in [Group::Document, Group::None] {
            let all = db.search("apple harvest").mode(mode).group(group).limit(60).run().unwrap();
            let mut paged = Vec::new();
            for page in 0..12 {
                let results =
                    db.search("apple harvest").mode(mode).group(group).limit(5).offset(page * 5).run().unwrap();
                assert_eq!(results.total, all.total);
                paged.extend(results.hits);
            }
            assert_eq!(paged, all.hits, "{mode:?} {group:?}");
            let chunks: HashSet<u64> = paged.iter().map(|hit| hit.chunk_id).collect();
            assert_eq!(chunks.len(), paged.len(), "no passage twice");
            if group == Group::Document {
                let documents: HashSet<String> = paged.iter().map(|hit| hit.document_id.to_string()).collect();
                assert_eq!(documents.len(), paged.len(), "no document twice");
            }
        }
    }
}

#[test]
fn filters_hold_in_every_mode() {
    let (_dir, db) = library();
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        let filter = "year >= 2000 AND NOT topic IN ['apple', 'banana']";
        let results = db.search("harvest").mode(mode).filter(filter).limit(100).run().unwrap();
        assert!(!results.hits.is_empty());
        for hit in &results.hits {
            assert!(hit.metadata.get("year").unwrap().as_i64().unwrap() >= 2000);
            assert!(["cherry", "damson"].contains(&hit.metadata.get("topic").unwrap().as_str().unwrap()));
        }
        let expected = (0..120).filter(|i| 1990 + i % 30 >= 2000 && i % 4 >= 2).count();
        assert_eq!(results.hits.len(), expected, "{mode:?}");
    }
    let all = db.search("").filter("EXISTS topic").limit(200).run().unwrap();
    assert_eq!((all.total, all.hits.len()), (120, 120));
}

#[test]
fn facets_count_documents() {
    let (_dir, db) = library();
    let results = db.search("harvest").mode(Mode::Lexical).facet("topic").facet("tags").run().unwrap();
    let counts: Vec<(&str, u64)> =
        results.facets[0].values.iter().map(|value| (value.value.as_str(), value.documents)).collect();
    assert_eq!(counts, [("apple", 30), ("banana", 30), ("cherry", 30), ("damson", 30)]);
    assert_eq!(results.facets[1].values[0].value, "fruit");
    assert_eq!(results.facets[1].values[0].documents, 120);
}

#[test]
fn chinese_japanese_and_korean_are_found_inside_long_runs() {
    let db = Database::temporary().unwrap();
    db.insert(Document::new("zh", "北京大学是中国最著名的高等学府之一，位于海淀区颐和园路五号，校园环境优美。"))
        .unwrap();
    db.insert(Document::new("ja", "東京都に住む人々は毎日電車で通勤することが多いと言われています。")).unwrap();
    db.insert(Document::new("ko", "데이터베이스의 분석은 매우 중요한 작업이며 시간이 오래 걸립니다.")).unwrap();
    for (query, id) in
        [("海淀区", "zh"), ("高等学府", "zh"), ("電車", "ja"), ("東京", "ja"), ("분석", "ko"), ("데이터베이스", "ko")]
    {
        let results = db.search(query).run().unwrap();
        assert_eq!(results.hits[0].document_id, id, "{query}");
        let hit = &results.hits[0];
        let marked: String = hit.highlights.iter().map(|word| &hit.text[word.clone()]).collect();
        assert!(marked.contains(query.chars().next().unwrap()), "{query}: {marked}");
    }
}

#[test]
fn another_embedder_is_refused_and_none_still_finds_words() {
    let (dir, db) = library();
    drop(db);
    let path = dir.path().join("db");
    let other = Database::builder(&path).embedder(WordEmbedder { dimension: 32 }).open().unwrap_err();
    assert!(matches!(&other, neodex::Error::EmbedderMismatch { .. }), "{other}");
    let db = Database::builder(&path).open().unwrap();
    let results = db.search("cherry").run().unwrap();
    assert_eq!((results.mode, results.total), (Mode::Lexical, 30));
    assert_eq!(results.notes.len(), 1);
    db.insert(Document::new("late", "a quince, without a model")).unwrap();
    assert_eq!(db.stats().unwrap().pending, 1);
    drop(db);
    let db = Database::builder(&path).embedder(WORDS).open().unwrap();
    assert_eq!(db.search("quince").mode(Mode::Lexical).run().unwrap().total, 1);
    db.insert(Document::new("late", "a quince, without a model")).unwrap();
    assert_eq!(db.stats().unwrap().pending, 0, "unchanged, but it had no vector yet");
}
