//! The second look: candidates found by codes, put in order by their full rows.

use super::distance::Distance;
use crate::error::Error;
use crate::key::Key;
use crate::scored::{Scored, top_k};

/// The exact best `limit` of `candidates`, best first, equal scores by key. `row` gives a key's full vector, or `None` where it has none
/// (removed since the candidates were found): such a candidate is left out.
///
/// # Errors
/// Whatever `row` fails with; [`Error::DimensionMismatch`] for a row of another length than `query`; [`Error::NotFinite`] for a row with
/// a NaN or an infinity.
pub fn rescore<E: From<Error>>(
    distance: Distance,
    query: &[f32],
    candidates: &[Scored],
    mut row: impl FnMut(Key) -> Result<Option<Vec<f32>>, E>,
    limit: usize,
) -> Result<Vec<Scored>, E> {
    let mut rescored = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let Some(vector) = row(candidate.key)? else {
            continue;
        };
        if vector.len() != query.len() {
            return Err(Error::DimensionMismatch { expected: query.len(), found: vector.len() }.into());
        }
        super::code::check_finite(&vector)?;
        rescored.push(Scored::new(candidate.key, distance.score(query, &vector)));
    }
    Ok(top_k(rescored, limit))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn row(key: Key) -> Result<Option<Vec<f32>>, Error> {
        Ok((key.0 < 10).then(|| vec![1.0, key.0 as f32 / 2.0]))
    }

    #[test]
    fn the_rows_decide_and_the_missing_are_left_out() {
        let candidates = [9, 11, 2, 3].map(|key| Scored::new(Key(key), 0.0));
        let found = rescore(Distance::DotProduct, &[0.0, 2.0], &candidates, row, 2).unwrap();
        assert_eq!(found, [Scored::new(Key(9), 9.0), Scored::new(Key(3), 3.0)]);
    }

    #[test]
    fn equal_scores_are_by_key() {
        let candidates = [7, 1, 4].map(|key| Scored::new(Key(key), key as f32));
        let found = rescore(Distance::DotProduct, &[1.0, 0.0], &candidates, row, 9).unwrap();
        assert_eq!(found.iter().map(|scored| scored.key.0).collect::<Vec<_>>(), [1, 4, 7]);
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error() {
        let candidates = [Scored::new(Key(1), 0.0)];
        let error = rescore(Distance::Cosine, &[1.0; 3], &candidates, row, 1).unwrap_err();
        assert!(matches!(error, Error::DimensionMismatch { expected: 3, found: 2 }));
        let nan = |_| Ok::<_, Error>(Some(vec![0.0, f32::NAN]));
        assert!(matches!(
            rescore(Distance::Cosine, &[1.0; 2], &candidates, nan, 1),
            Err(Error::NotFinite { position: 1 })
        ));
    }
}
