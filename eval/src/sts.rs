//! Semantic textual similarity: sentence pairs with a human score, and the correlations that a model's scores are judged by.
//!
//! The file has tab-separated columns `sentence1 sentence2 score`. Quotes mean nothing in it: the SemEval files are full of sentences
//! that open with a quotation mark, and a reader that takes it for CSV quoting swallows the lines after it.

use std::io::BufRead;
use std::path::Path;

use crate::error::{Error, Result};
use crate::lines::{Lines, open_plain};
use crate::report::StsReport;

/// Two sentences and how similar people found them.
#[derive(Debug, Clone, PartialEq)]
pub struct SentencePair {
    /// The first sentence.
    pub sentence1: String,
    /// The second sentence.
    pub sentence2: String,
    /// The human score, usually 0..=5; only its order and its spacing matter.
    pub score: f64,
}

/// Reads the pairs of the file at `path`.
///
/// # Errors
/// When the file cannot be read or is compressed, and as [`read_pairs`].
pub fn open_pairs(path: &Path) -> Result<Vec<SentencePair>> {
    read_pairs(open_plain(path)?, path)
}

/// Reads pairs from `reader`; errors call it `path`. A header may name the columns in another order, and further columns are ignored.
///
/// # Errors
/// When reading fails, or a line lacks one of the three columns or has a score that is not a finite number.
pub fn read_pairs(reader: impl BufRead, path: &Path) -> Result<Vec<SentencePair>> {
    let mut lines = Lines::new(reader, path);
    let mut pairs = Vec::new();
    let mut places = None;
    while let Some(line) = lines.next()? {
        let columns: Vec<&str> = line.split('\t').collect();
        if places.is_none() {
            if let Some(named) = header(&columns) {
                places = Some(named);
                continue;
            }
            places = Some([0, 1, 2]);
        }
        let [first, second, score] =
            places.unwrap_or([0, 1, 2]).map(|place| columns.get(place).map(|text| text.trim()));
        let (Some(first), Some(second), Some(score)) = (first, second, score) else {
            let reason =
                format!("expected `sentence1`, `sentence2` and `score` between tabs, found {} columns", columns.len());
            return Err(lines.malformed(reason));
        };
        let Some(score) = score.parse::<f64>().ok().filter(|score| score.is_finite()) else {
            let reason = format!("the score must be a number, found `{score}`");
            return Err(lines.malformed(reason));
        };
        pairs.push(SentencePair { sentence1: first.to_owned(), sentence2: second.to_owned(), score });
    }
    Ok(pairs)
}

/// Where a header says the three columns are; `None` when the line is no header.
fn header(columns: &[&str]) -> Option<[usize; 3]> {
    let place = |name: &str| columns.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    Some([place("sentence1")?, place("sentence2")?, place("score")?])
}

/// Judges `predicted` scores (larger is more similar) of `pairs`, in their order.
///
/// # Errors
/// When there is not one score a pair, or one is not finite.
pub fn evaluate(pairs: &[SentencePair], predicted: &[f64]) -> Result<StsReport> {
    let human: Vec<f64> = pairs.iter().map(|pair| pair.score).collect();
    Ok(StsReport { spearman: spearman(predicted, &human)?, pearson: pearson(predicted, &human)?, pairs: pairs.len() })
}

/// Pearson's correlation of `left` and `right`, -1..=1.
///
/// Where one side is constant, or there are fewer than two pairs, the correlation is not defined; the answer is then 0, because such
/// scores tell nothing about the other side, and a report must be able to write it down.
///
/// # Errors
/// When the lengths differ or a value is not finite.
pub fn pearson(left: &[f64], right: &[f64]) -> Result<f64> {
    check(left, right)?;
    let (Some(left), Some(right)) = (centred(left), centred(right)) else { return Ok(0.0) };
    let covariance: f64 = left.iter().zip(&right).map(|(a, b)| a * b).sum();
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    Ok((covariance / (norm(&left) * norm(&right))).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation of `left` and `right`, -1..=1: Pearson's of the ranks, equal values sharing the average of theirs.
///
/// Not defined, and then 0, where [`pearson`] is.
///
/// # Errors
/// When the lengths differ or a value is not finite.
pub fn spearman(left: &[f64], right: &[f64]) -> Result<f64> {
    check(left, right)?;
    pearson(&average_ranks(left), &average_ranks(right))
}

fn check(left: &[f64], right: &[f64]) -> Result<()> {
    if left.len() != right.len() {
        return Err(Error::LengthMismatch { left: left.len(), right: right.len() });
    }
    match left.iter().zip(right).position(|(a, b)| !a.is_finite() || !b.is_finite()) {
        Some(position) => Err(Error::NotFinite { position }),
        None => Ok(()),
    }
}

/// The values less their mean, scaled so that the largest is 1: neither huge nor tiny values then leave the range of a float when
/// squared. `None` when they are all the same.
fn centred(values: &[f64]) -> Option<Vec<f64>> {
    let (&first, rest) = values.split_first()?;
    if rest.iter().all(|&value| value == first) {
        return None;
    }
    let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let scale = largest(values);
    let scaled: Vec<f64> = values.iter().map(|value| value / scale).collect();
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let centred: Vec<f64> = scaled.iter().map(|value| value - mean).collect();
    let spread = largest(&centred);
    (spread > 0.0).then(|| centred.iter().map(|value| value / spread).collect())
}

/// The rank of every value, from 1; equal values share the average of the ranks they take up.
fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| a.1 == b.1) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        for &(position, _) in equal {
            if let Some(place) = ranks.get_mut(position) {
                *place = rank;
            }
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn read(text: &str) -> Result<Vec<SentencePair>> {
        read_pairs(text.as_bytes(), Path::new("s.tsv"))
    }

    #[test]
    fn quotes_are_part_of_the_sentence_and_columns_go_by_name() {
        let pair = |a: &str, b: &str, score| SentencePair { sentence1: a.into(), sentence2: b.into(), score };
        let expected = vec![pair("\"It's big,\" he said.", "It is big.", 3.6), pair("a", "b", 0.0)];
        for text in [
            "sentence1\tsentence2\tscore\n\"It's big,\" he said.\tIt is big.\t3.6\na\tb\t0\n",
            "genre\tscore\tsentence1\tsentence2\nnews\t3.6\t\"It's big,\" he said.\tIt is big.\nnews\t0\ta\tb\n",
            "\"It's big,\" he said.\tIt is big.\t3.6\r\na\tb\t0\r\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        for (text, message) in [
            ("a\tb\t1\na\tb\n", "s.tsv:2: expected `sentence1`"),
            ("a\tb\t\n", "s.tsv:1: the score must be a number, found ``"),
            ("a\tb\tinf\n", "s.tsv:1: the score must be a number, found `inf`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn ties_share_their_average_rank() {
        assert_eq!(average_ranks(&[10.0, 20.0, 10.0, 5.0, 20.0, 20.0]), [2.5, 5.0, 2.5, 1.0, 5.0, 5.0]);
        assert_eq!(average_ranks(&[0.0, -0.0]), [1.5, 1.5]);
    }
}
