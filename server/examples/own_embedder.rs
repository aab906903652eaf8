//! A server inside a program of your own, with an embedder of your own: `cargo run -p neodex-server --example own_embedder -- FOLDER [ADDRESS]`.
//!
//! The embedder here adds up a pseudo-random direction for each word, which finds texts that share words and needs no model. Anything that
//! turns text into vectors of one length can stand in its place.

use std::hash::{DefaultHasher, Hash, Hasher};

use neodex::{Database, EmbedError, Embedder, Passages};
use neodex_server::{LogFormat, Server, ServerConfig, start_logging};

/// Components of a vector.
const DIMENSION: usize = 128;

struct Words;

impl Words {
    fn vector(text: &str) -> Vec<f32> {
        let mut sum = vec![0.0; DIMENSION];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            for (place, component) in sum.iter_mut().enumerate() {
                let mut hasher = DefaultHasher::new();
                (word.to_lowercase(), place).hash(&mut hasher);
                *component += hasher.finish() as f32 / u64::MAX as f32 - 0.5;
            }
        }
        let length = sum.iter().map(|component| component * component).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        sum.into_iter().map(|component| component / length).collect()
    }
}

impl Embedder for Words {
    fn name(&self) -> &str {
        "words"
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    /// Whatever would change the vectors has to change this.
    fn fingerprint(&self) -> String {
        format!("words-{DIMENSION}-1")
    }

    fn embed_queries(&self, queries: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(queries.iter().map(|query| Self::vector(query)).collect())
    }

    fn embed_documents(&self, documents: &[Passages<'_>], _: usize) -> Result<Vec<Vec<Vec<f32>>>, EmbedError> {
        let text = |document: &Passages<'_>, span: std::ops::Range<usize>| document.text.get(span).map(Self::vector);
        let passages = |document: &Passages<'_>| {
            document.passages.iter().map(|passage| text(document, passage.span.clone()).unwrap_or_default()).collect()
        };
        Ok(documents.iter().map(passages).collect())
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("say in which folder the database is")?;
    let addr = args.next().map_or_else(|| Ok(ServerConfig::default().addr), |addr| addr.parse())?;
    start_logging(LogFormat::Text, "warn", true)?;
    let database = Database::builder(folder).embedder(Words).open()?;
    let server = Server::bind(database, ServerConfig { addr, ..ServerConfig::default() })?;
    eprintln!("{}", server.url());
    server.run()?;
    Ok(())
}
