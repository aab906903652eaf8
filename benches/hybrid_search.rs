//! Opening a database of 100,000 passages with vectors of 384 dimensions, and searching it, with the encoder's time left out: vectors come
//! from a hash of the words. `cargo bench -p neodex --no-default-features --bench hybrid_search [-- PASSAGES]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use neodex::{Database, Document, EmbedError, Embedder, Mode, Passages};

const DIMENSION: usize = 384;
const PASSAGES_PER_DOCUMENT: usize = 4;

/// Vectors from words: near where words are shared, at no cost.
struct WordVectors;

fn vector(text: &str) -> Vec<f32> {
    let mut sum = vec![0f32; DIMENSION];
    for word in text.split_whitespace() {
        let mut state = word
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        for value in &mut sum {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *value += (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
        }
    }
    sum
}

impl Embedder for WordVectors {
    fn name(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn fingerprint(&self) -> String {
        "words".to_owned()
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(queries.iter().map(|query| vector(query)).collect())
    }

    fn embed_documents(&self, documents: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let passages = |document: &Passages<'_>| {
            document.passages.iter().map(|p| vector(&document.text[p.span.clone()])).collect()
        };
        Ok(documents.iter().map(passages).collect())
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len() / 5
    }
}

/// A seeded stream of words whose frequencies fall off as in a real language.
struct Words(u64);

impl Words {
    fn word(&mut self) -> String {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let uniform = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        format!("w{}", (50_000f64.powf(uniform)) as u64)
    }

    fn sentence(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ") + ". "
    }
}

fn main() {
    let passages = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000usize);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let open = || Database::builder(&path).embedder(WordVectors).open().unwrap();
    let mut words = Words(7);
    let documents = (0..passages / PASSAGES_PER_DOCUMENT).map(|i| {
        // A paragraph of about 190 estimated tokens becomes a chunk.
        let paragraph = |words: &mut Words| (0..6).map(|_| words.sentence(12)).collect::<String>() + "\n\n";
        let text: String = (0..PASSAGES_PER_DOCUMENT).map(|_| paragraph(&mut words)).collect();
        Document::new(format!("{i}"), text).metadata("shelf", (i * 7919 % 1000) as i64)
    });
    let started = Instant::now();
    let db = open();
    let report = db.insert_many(documents).unwrap();
    db.flush().unwrap();
    println!("{} documents, {} chunks in {:.1} s", report.added, report.chunks, started.elapsed().as_secs_f64());
    db.wait_until_sealed(|_| true).unwrap();
    println!("sealed after {:.1} s", started.elapsed().as_secs_f64());
    drop(db);

    let opening = Instant::now();
    let db = open();
    println!("opened in {:.2} s", opening.elapsed().as_secs_f64());
    let stats = db.stats().unwrap();
    println!(
        "{} chunks, {} vectors in {} segments, {} bytes on disk",
        stats.chunks, stats.vectors, stats.vector_segments, stats.bytes.total
    );

    let queries: Vec<(String, Vec<f32>)> =
        (0..200).map(|_| words.sentence(4)).map(|query| (query.clone(), vector(&query))).collect();
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        for filter in [None, Some("shelf < 500"), Some("shelf < 100"), Some("shelf < 10"), Some("shelf < 1")] {
            if mode == Mode::Lexical && filter.is_some() {
                continue;
            }
            let timed = |(query, vector): &(String, Vec<f32>)| {
                let mut search = db.search(query.as_str()).vector(vector.clone()).mode(mode);
                if let Some(filter) = filter {
                    search = search.filter(filter);
                }
                let started = Instant::now();
                std::hint::black_box(search.run().unwrap());
                started.elapsed()
            };
            // The first search under a filter finds out which passages pass; the others find that kept.
            let first = timed(&queries[0]).as_secs_f64() * 1e3;
            let mut times: Vec<Duration> = queries.iter().map(timed).collect();
            times.sort_unstable();
            let ms = |at: usize| times[at].as_secs_f64() * 1e3;
            println!(
                "{mode:?} {}: first {first:.2} ms, median {:.2} ms, p90 {:.2} ms",
                filter.unwrap_or("unfiltered"),
                ms(100),
                ms(180)
            );
        }
    }
}
