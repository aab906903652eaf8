//! `--set pretrain.stage.0.steps=100`: single keys from the command line, laid over the file before it is read.

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Puts one override into `table`. Tables that are not there are made; entries of arrays must be.
pub(super) fn apply(table: &mut Table, text: &str) -> Result<()> {
    let fail = |reason: String| Error::Override { text: text.to_owned(), reason };
    let (path, value) = text.split_once('=').ok_or_else(|| fail("expected KEY=VALUE".to_owned()))?;
    let (parents, last) = match path.trim().rsplit_once('.') {
        Some((parents, last)) => (Some(parents), last),
        None => (None, path.trim()),
    };
    if path.split('.').any(|part| part.trim().is_empty()) {
        return Err(fail(format!("`{path}` is not a dotted key")));
    }
    let mut root = Value::Table(std::mem::take(table));
    let mut place = &mut root;
    let steps = parents.into_iter().flat_map(|parents| parents.split('.'));
    for step in steps.chain([last]) {
        place = enter(place, step.trim()).map_err(fail)?;
    }
    *place = parse(value.trim());
    if let Value::Table(root) = root {
        *table = root;
    }
    Ok(())
}

/// The place called `step` within `place`.
fn enter<'a>(place: &'a mut Value, step: &str) -> Result<&'a mut Value, String> {
    match place {
        Value::Table(table) => Ok(table.entry(step).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(items) => {
            let count = items.len();
            let found = step.parse::<usize>().ok().and_then(|position| items.get_mut(position));
            found.ok_or_else(|| format!("`{step}` is not one of the {count} entries there, which count from 0"))
        }
        other => Err(format!("`{step}` would be inside a value of type {}", other.type_str())),
    }
}

/// A TOML value; what is none is a string, so that a path needs no quotes.
fn parse(text: &str) -> Value {
    let read = toml::from_str::<Table>(&format!("value = {text}"));
    read.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn set(texts: &[&str]) -> Result<String> {
        let mut table: Table = toml::from_str("[pretrain]\n[[pretrain.stage]]\nsteps = 5\n").unwrap();
        texts.iter().try_for_each(|text| apply(&mut table, text))?;
        Ok(toml::to_string(&table).unwrap())
    }

    #[test]
    fn keys_are_replaced_and_added() {
        let text = set(&["pretrain.stage.0.steps=100", "run.seed = 3", "tokenizer.path=a/b.json", "x=[1, 2]"]).unwrap();
        let expected = "x = [1, 2]\n\n[pretrain]\n\n[[pretrain.stage]]\nsteps = 100\n\n[run]\nseed = 3\n\n[tokenizer]\npath = \"a/b.json\"\n";
        let parsed = |text: &str| toml::from_str::<Table>(text).unwrap();
        assert_eq!(parsed(&text), parsed(expected));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, part) in [
            ("steps", "KEY=VALUE"),
            ("a..b=1", "dotted key"),
            ("=1", "dotted key"),
            ("pretrain.stage.1.steps=1", "one of the 1 entries"),
            ("pretrain.stage.0.steps.x=1", "inside a value of type integer"),
        ] {
            let error = set(&[text]).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains(text), "{error}");
        }
    }
}
