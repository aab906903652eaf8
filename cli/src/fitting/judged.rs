//! A collection as fitting sees it: for each judged query what both legs found, their evidence, and which documents are relevant.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use neodex::search::auto::{Auto, mixed};
use neodex::search::fusion::{DEFAULT_RRF_K, Fused, Weights, alone, reciprocal_rank};
use neodex::{Evidence, Scored};
use neodex_eval::metrics::ndcg_at_k;
use neodex_eval::qrels::Judgements;
use serde::{Deserialize, Serialize};

/// A judged query and what its legs found, best first; documents are numbers of the collection's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The query's id.
    pub(crate) id: String,
    /// By meaning.
    pub(crate) dense: Vec<(u32, f32)>,
    /// By words.
    pub(crate) lexical: Vec<(u32, f32)>,
    /// What the legs say of themselves.
    pub(crate) evidence: Evidence,
    /// The score by words that no document can reach.
    pub(crate) bound: f32,
    /// Grades of the relevant documents; what nobody found has a number, too.
    pub(crate) grades: BTreeMap<u32, i32>,
}

/// A query ready to be scored again and again.
struct Prepared {
    evidence: Evidence,
    /// Value by meaning, value by words, gain; the order is that of equals.
    candidates: Vec<(f32, f32, f32)>,
    ideal: f32,
}

/// A collection.
pub(crate) struct Collection {
    /// Its folder's name.
    pub(crate) name: String,
    /// Its judged queries.
    pub(crate) asked: Vec<Asked>,
    prepared: Vec<Prepared>,
}

/// Which queries of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Those of even place, which the constants are fitted on.
    Fitted,
    /// Those of odd place, which tell how good they are.
    Held,
    /// All.
    All,
}

impl Part {
    fn has(self, place: usize) -> bool {
        match self {
            Part::Fitted => place.is_multiple_of(2),
            Part::Held => !place.is_multiple_of(2),
            Part::All => true,
        }
    }
}

impl Collection {
    /// Prepares the queries of a collection.
    pub(crate) fn new(name: String, asked: Vec<Asked>) -> Self {
        let prepared = asked.iter().map(Prepared::of).collect();
        Self { name, asked, prepared }
    }

    /// Reads what [`Collection::save`] wrote.
    pub(crate) fn read(name: String, path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let asked = BufReader::new(file).lines().map(|line| Ok(serde_json::from_str(&line?)?));
        let asked = asked.collect::<Result<Vec<Asked>>>().with_context(|| path.display().to_string())?;
        Ok(Self::new(name, asked))
    }

    /// Writes the queries as JSON Lines, so that fitting again needs no model.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let mut file = BufWriter::new(file);
        for asked in &self.asked {
            serde_json::to_writer(&mut file, asked)?;
            file.write_all(b"\n")?;
        }
        Ok(file.flush()?)
    }

    /// Mean nDCG@10 with these constants.
    pub(crate) fn auto(&self, auto: &Auto, part: Part) -> f64 {
        let chosen = self.prepared.iter().enumerate().filter(|(place, _)| part.has(*place));
        mean(chosen.map(|(_, query)| f64::from(query.ndcg(auto))))
    }

    /// Mean nDCG@10 of a leg alone or of reciprocal rank.
    pub(crate) fn plain(&self, way: Way, part: Part) -> f64 {
        let chosen = self.asked.iter().enumerate().filter(|(place, _)| part.has(*place));
        mean(chosen.map(|(_, asked)| asked.ndcg(way)))
    }

    /// The mean share of meaning with these constants.
    pub(crate) fn share(&self, auto: &Auto) -> f64 {
        mean(self.asked.iter().map(|asked| f64::from(auto.share_of_meaning(&asked.evidence))))
    }

    /// How many queries have something relevant to find.
    pub(crate) fn len(&self) -> usize {
        self.asked.len()
    }
}

/// A ranking to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By words alone.
    Lexical,
    /// By meaning alone.
    Dense,
    /// Reciprocal rank fusion.
    Rrf,
}

impl Asked {
    fn ndcg(&self, way: Way) -> f64 {
        let (dense, lexical) = (scored(&self.dense), scored(&self.lexical));
        let fused: Vec<Fused<u32>> = match way {
            Way::Lexical => alone(&[], &lexical),
            Way::Dense => alone(&dense, &[]),
            Way::Rrf => reciprocal_rank(&dense, &lexical, Weights::default(), DEFAULT_RRF_K),
        };
        let ranking: Vec<String> = fused.iter().take(10).map(|hit| hit.key.to_string()).collect();
        let judgements: Judgements = self.grades.iter().map(|(key, &grade)| (key.to_string(), grade)).collect();
        ndcg_at_k(&ranking, &judgements, 10)
    }
}

impl Prepared {
    fn of(asked: &Asked) -> Self {
        let (dense, lexical) = (scored(&asked.dense), scored(&asked.lexical));
        let mut values: BTreeMap<u32, (f32, f32)> = BTreeMap::new();
        let legs = [Weights::new(1.0, 0.0), Weights::new(0.0, 1.0)];
        for (leg, weights) in legs.into_iter().flatten().enumerate() {
            for hit in mixed(&dense, &lexical, weights) {
                let value = values.entry(hit.key).or_default();
                *(if leg == 0 { &mut value.0 } else { &mut value.1 }) = hit.score;
            }
        }
        let gain = |key: &u32| asked.grades.get(key).map_or(0.0, |&grade| grade.max(0) as f32);
        let candidates = values.iter().map(|(key, &(dense, lexical))| (dense, lexical, gain(key))).collect();
        let mut grades: Vec<f32> = asked.grades.values().map(|&grade| grade.max(0) as f32).collect();
        grades.sort_by(|a, b| b.total_cmp(a));
        let ideal = grades.iter().take(10).enumerate().map(|(place, gain)| gain * discount(place)).sum();
        Self { evidence: asked.evidence, candidates, ideal }
    }

    /// nDCG@10: only the places of the relevant documents have to be known.
    fn ndcg(&self, auto: &Auto) -> f32 {
        let weights = auto.weights(&self.evidence, Weights::default());
        let score = |&(dense, lexical, _): &(f32, f32, f32)| weights.dense() * dense + weights.lexical() * lexical;
        let mut found = 0.0;
        for (place, own) in self.candidates.iter().enumerate().filter(|(_, candidate)| candidate.2 > 0.0) {
            let value = score(own);
            let before = self.candidates.iter().enumerate().filter(|(other, candidate)| {
                let theirs = score(candidate);
                theirs > value || (theirs == value && *other < place)
            });
            // Who stands behind ten others earns nothing, however far behind.
            let rank = before.take(10).count();
            found += if rank < 10 { own.2 * discount(rank) } else { 0.0 };
        }
        if self.ideal > 0.0 { found / self.ideal } else { 0.0 }
    }
}

fn discount(place: usize) -> f32 {
    1.0 / (place as f32 + 2.0).log2()
}

fn scored(leg: &[(u32, f32)]) -> Vec<Scored<u32>> {
    leg.iter().map(|&(key, score)| Scored::new(key, score)).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_ndcg_is_that_of_the_fused_list() {
        let leg = |seed: u32, length: u32| -> Vec<(u32, f32)> {
            (0..length).map(|i| ((i * 7 + seed) % 40, 9.0 - i as f32 / 3.0)).collect()
        };
        let grades = BTreeMap::from([(3, 1), (10, 2), (17, 1), (39, 1), (77, 1)]);
        let asked = Asked {
            id: "q".to_owned(),
            dense: leg(3, 30),
            lexical: leg(11, 20),
            evidence: Evidence { coverage: 0.4, dense_peak: 2.0, ..Evidence::default() },
            bound: 20.0,
            grades,
        };
        for even in [-9.0, -1.0, 0.0, 1.5] {
            let auto = Auto { even, ..Auto::default() };
            let fused = mixed(
                &scored(&asked.dense),
                &scored(&asked.lexical),
                auto.weights(&asked.evidence, Weights::default()),
            );
            let ranking: Vec<String> = fused.iter().map(|hit| hit.key.to_string()).collect();
            let judgements: Judgements = asked.grades.iter().map(|(key, &grade)| (key.to_string(), grade)).collect();
            let slow = ndcg_at_k(&ranking, &judgements, 10);
            let quick = f64::from(Prepared::of(&asked).ndcg(&auto));
            assert!((slow - quick).abs() < 1e-5, "{even}: {slow} {quick}");
        }
    }
}
