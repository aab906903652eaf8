//! The pairs: their records as they came, and which texts answer which query.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use neodex::Hit;
use neodex::parse::{Limits, Source};
use serde_json::{Map, Value};

use crate::exit::usage;

/// A pair, and the record it came in.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) query: String,
    pub(super) positive: String,
    pub(super) record: Map<String, Value>,
}

/// All pairs of a file.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) pairs: Vec<Pair>,
    /// For each query the ids of all texts that answer it.
    answers: HashMap<String, HashSet<String>>,
    /// The text of each id.
    texts: HashMap<String, String>,
}

/// The id of a text: equal texts are one document.
pub(super) fn id_of(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("positive-{}", hash.get(..32).unwrap_or_default())
}

impl Pairs {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let fail = |reason: String| usage(format!("{}: {reason}", path.display()));
        let source = Source::from_path(path, "pairs");
        let reader = source.open(&Limits::default()).map_err(|error| fail(error.to_string()))?;
        let mut pairs = Vec::new();
        for (at, line) in BufReader::new(reader).lines().enumerate() {
            let line = line.map_err(|error| fail(error.to_string()))?;
            if !line.trim().is_empty() {
                pairs.push(pair(&line).map_err(|reason| fail(format!("line {}: {reason}", at + 1)))?);
            }
        }
        if pairs.is_empty() {
            return Err(fail("no pairs".to_owned()));
        }
        let (mut answers, mut texts) = (HashMap::<_, HashSet<_>>::new(), HashMap::new());
        for pair in &pairs {
            let id = id_of(&pair.positive);
            answers.entry(pair.query.clone()).or_default().insert(id.clone());
            texts.entry(id).or_insert_with(|| pair.positive.clone());
        }
        Ok(Self { pairs, answers, texts })
    }

    /// The ids of the texts that answer `query`.
    pub(super) fn answers(&self, query: &str) -> HashSet<&str> {
        self.answers.get(query).into_iter().flatten().map(String::as_str).collect()
    }

    /// A positive whole, as it will stand among others; of anything else the passage that was found.
    pub(super) fn text(&self, hit: &Hit) -> String {
        self.texts.get(hit.document_id.as_str()).unwrap_or(&hit.text).clone()
    }
}

fn pair(line: &str) -> Result<Pair, String> {
    let record: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| record.get(*name)?.as_str());
        found.map(str::to_owned).ok_or_else(|| format!("no text in `{}`", names.join("` or `")))
    };
    Ok(Pair { query: text(&["query", "anchor"])?, positive: text(&["positive"])?, record })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn queries_know_all_their_answers() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pairs.jsonl");
        let lines = "{\"query\":\"q\",\"positive\":\"a\",\"x\":1}\n\n{\"anchor\":\"q\",\"positive\":\"b\"}\n";
        std::fs::write(&file, lines).unwrap();
        let pairs = Pairs::read(&file).unwrap();
        assert_eq!(pairs.pairs.len(), 2);
        let (a, b) = (id_of("a"), id_of("b"));
        assert_eq!(pairs.answers("q"), HashSet::from([a.as_str(), b.as_str()]));
        assert!(pairs.answers("other").is_empty());
        std::fs::write(&file, "{\"query\":\"q\"}\n").unwrap();
        let message = Pairs::read(&file).unwrap_err().to_string();
        assert!(message.contains("line 1") && message.contains("`positive`"), "{message}");
    }
}
