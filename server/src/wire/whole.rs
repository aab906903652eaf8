//! Whole numbers as JSON Schema means them: `5.0` is one, as programs write it whose numbers are all of one kind.

use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

/// A whole number, at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Whole(u64);

/// Beyond this not every whole number is a float (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, at least 0")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                u64::try_from(number).map(Whole).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                match number.fract() == 0.0 && (0.0..=EXACT).contains(&number) {
                    true => Ok(Whole(number as u64)),
                    false => Err(E::invalid_value(Unexpected::Float(number), &self)),
                }
            }
        }
        deserializer.deserialize_u64(Number)
    }
}

/// For `deserialize_with`: any unsigned number.
pub(super) fn number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    let Whole(number) = Whole::deserialize(deserializer)?;
    fit(number)
}

/// The same where it may be absent or null.
pub(super) fn option<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| fit(number)).transpose()
}

fn fit<E: Error, T: TryFrom<u64>>(number: u64) -> Result<T, E> {
    T::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Page {
        #[serde(default, deserialize_with = "option")]
        limit: Option<usize>,
        #[serde(default, deserialize_with = "number")]
        level: u8,
    }

    #[test]
    fn a_float_without_a_fraction_is_whole() {
        let read = |text: &str| serde_json::from_str::<Page>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"limit": 5.0, "level": 2.0}"#), Ok(Page { limit: Some(5), level: 2 }));
        assert_eq!(read(r#"{"limit": null}"#), Ok(Page { limit: None, level: 0 }));
        assert_eq!(read("{}"), Ok(Page { limit: None, level: 0 }));
        for (wrong, word) in [
            (r#"{"limit": 5.5}"#, "whole number"),
            (r#"{"limit": -1}"#, "whole number"),
            (r#"{"limit": 1e300}"#, "whole number"),
            (r#"{"limit": "5"}"#, "whole number"),
            (r#"{"level": 256}"#, "too large"),
        ] {
            let told = read(wrong).unwrap_err();
            assert!(told.contains(word), "{wrong}: {told}");
        }
    }
}
