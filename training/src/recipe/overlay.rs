//! `--overlay FILE`: part of a recipe laid over it, for runs that differ in a few keys, such as ablations.
//!
//! Tables are merged key by key. An array of tables with one entry is laid over every entry of the recipe's, so that a stage's key is
//! changed in all stages; with several, entry over entry. Everything else takes the place of what was there.

use std::path::Path;

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Lays the file `path` over `recipe`.
pub(super) fn apply(recipe: &mut Table, path: &Path) -> Result<()> {
    let fail = |reason: String| Error::Recipe { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let overlay: Table = toml::from_str(&text).map_err(|error| fail(error.to_string().trim_end().to_owned()))?;
    merge(recipe, overlay).map_err(fail)
}

fn merge(recipe: &mut Table, overlay: Table) -> Result<(), String> {
    for (key, over) in overlay {
        match (recipe.get_mut(&key), over) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over)?,
            (Some(Value::Array(under)), Value::Array(over)) if entries(under) && entries(&over) => {
                let (found, expected) = (over.len(), under.len());
                if found != 1 && found != expected {
                    return Err(format!(
                        "`{key}` has {found} entries, to be laid over {expected}; it takes one or as many"
                    ));
                }
                for (under, over) in under.iter_mut().zip(over.iter().cycle()) {
                    if let (Value::Table(under), Value::Table(over)) = (under, over) {
                        merge(under, over.clone())?;
                    }
                }
            }
            (_, over) => drop(recipe.insert(key, over)),
        }
    }
    Ok(())
}

/// Whether an array is a list of sections; one of corpora, written in a line, is a value.
fn entries(array: &[Value]) -> bool {
    !array.is_empty() && array.iter().all(|entry| entry.as_table().is_some_and(|entry| !entry.contains_key("path")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn laid(over: &str) -> Result<String, String> {
        let mut recipe: Table = toml::from_str(
            "[model]\nhidden_size = 8\nnorm = 'rms'\n[[pretrain.stage]]\nsteps = 5\ncorpora = [{ path = 'a' }, { path = 'b' }]\n\
             [[pretrain.stage]]\nsteps = 6\n",
        )
        .unwrap();
        merge(&mut recipe, toml::from_str(over).unwrap())?;
        Ok(toml::to_string(&recipe).unwrap())
    }

    #[test]
    fn keys_are_merged_and_one_entry_goes_over_all() {
        let text =
            laid("[model]\nnorm = 'layer'\n[[pretrain.stage]]\nlength = 9\ncorpora = [{ path = 'c' }]\n").unwrap();
        assert!(
            text.contains("hidden_size = 8") && text.contains("norm = \"layer\"") && !text.contains("rms"),
            "{text}"
        );
        assert_eq!((text.matches("length = 9").count(), text.matches("path = \"c\"").count()), (2, 2), "{text}");
        assert!(!text.contains("path = \"a\"") && text.contains("steps = 5") && text.contains("steps = 6"), "{text}");
        let two = laid("[[pretrain.stage]]\nsteps = 1\n[[pretrain.stage]]\nsteps = 2\n").unwrap();
        assert!(two.contains("steps = 1") && two.contains("steps = 2") && !two.contains("steps = 5"), "{two}");
    }

    #[test]
    fn entries_that_do_not_fit_are_named() {
        let three = "[[pretrain.stage]]\n[[pretrain.stage]]\n[[pretrain.stage]]\n";
        let reason = laid(three).unwrap_err();
        assert!(reason.contains("stage") && reason.contains('3') && reason.contains('2'), "{reason}");
    }
}
