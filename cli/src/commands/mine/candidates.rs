//! Which of what was found is a negative.

use std::collections::HashSet;

use neodex::{Explain, Hit};

/// Where to look, and what to pass over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The first rank, from 1.
    pub(super) from: usize,
    /// The last rank.
    pub(super) to: usize,
    /// How many at most.
    pub(super) count: usize,
    /// The share of the positive's score above which a text may be an answer, too.
    pub(super) margin: f32,
}

/// The negatives among `hits`, best first. `answers` are the ids of the texts that answer the query.
pub(super) fn choose<'a>(hits: &'a [Hit], answers: &HashSet<&str>, rules: &Rules) -> Vec<&'a Hit> {
    let is_answer = |hit: &Hit| answers.contains(hit.document_id.as_str());
    let positive = hits.iter().find(|hit| is_answer(hit)).and_then(|hit| hit.explain);
    let ranked = hits.iter().take(rules.to).skip(rules.from.saturating_sub(1));
    let sound = ranked.filter(|hit| !is_answer(hit) && !too_close(hit.explain, positive, rules.margin));
    sound.take(rules.count).collect()
}

/// Whether a text scores so near the positive that it may be an answer. Fused scores tell ranks from each other and nothing else, so the
/// legs' own are compared: by meaning where both have one, else by words. Without the positive nothing can be said.
fn too_close(found: Option<Explain>, positive: Option<Explain>, margin: f32) -> bool {
    let (Some(found), Some(positive)) = (found, positive) else { return false };
    let legs = [(found.dense, positive.dense), (found.lexical, positive.lexical)];
    let scores = legs.into_iter().find_map(|(found, positive)| Some((found?.score, positive?.score)));
    scores.is_some_and(|(found, positive)| found > margin * positive)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use neodex::{Database, Document, LegScore};

    /// Hits named by letters, best first, with these scores by meaning.
    fn hits(scores: &[(&str, f32)]) -> Vec<Hit> {
        let database = Database::temporary().unwrap();
        for (id, _) in scores {
            database.insert(Document::new(*id, "otter")).unwrap();
        }
        let found = database.search("otter").run().unwrap().hits;
        let explain = |rank, score| Some(Explain { dense: Some(LegScore { rank, score }), lexical: None });
        let place = |(at, (id, score)): (usize, &(&str, f32))| {
            let hit = found.iter().find(|hit| hit.document_id.as_str() == *id).unwrap();
            Hit { explain: explain(at + 1, *score), ..hit.clone() }
        };
        scores.iter().enumerate().map(place).collect()
    }

    #[test]
    fn answers_and_what_may_be_one_are_passed_over() {
        let hits = hits(&[("a", 0.9), ("b", 0.8), ("c", 0.79), ("d", 0.7), ("e", 0.6), ("f", 0.5)]);
        let ids = |answers: &[&str], rules: Rules| {
            let answers = answers.iter().copied().collect();
            choose(&hits, &answers, &rules).iter().map(|hit| hit.document_id.to_string()).collect::<Vec<_>>()
        };
        let rules = Rules { from: 2, to: 6, count: 2, margin: 0.95 };
        // `a` is before the first rank, `c` too near to `b`.
        assert_eq!(ids(&["b"], rules), ["d", "e"]);
        assert_eq!(ids(&["b", "d"], Rules { count: 9, ..rules }), ["e", "f"]);
        assert_eq!(ids(&["b"], Rules { margin: 2.0, count: 9, to: 4, ..rules }), ["c", "d"]);
        // The positive was not found at all.
        assert_eq!(ids(&["z"], rules), ["b", "c"]);
    }
}
