//! What a database says of itself in `FORMAT`, and whether that fits how it is opened.
//!
//! Vectors of two models cannot be compared, nor chunks cut by two rules be replaced one by one, so both are fixed when they are first
//! used. A database that has no model yet takes the first one it is opened with, and its documents wait for their vectors; one that was
//! asked for without a model says so, and keeps to words until it is given one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use neodex_index::vector::{Distance, RowFormat};
use neodex_storage::Manifest;

use crate::config::Config;
use crate::embedding::Embedder;
use crate::error::{Error, Result};
use crate::schema::Slot;

const CHUNKING: &str = "chunking";
const DIMENSION: &str = "dimension";
const DISTANCE: &str = "distance";
const ROWS: &str = "rows";
const MODEL: &str = "model.name";
const FINGERPRINT: &str = "model.fingerprint";
const FOLDER: &str = "model.folder";
const WINDOW: &str = "model.window_tokens";
/// Where the vectors lie; absent for the first slot.
const SLOT: &str = "vectors.slot";
/// Before the fields of a model whose vectors are being made beside those that serve.
const NEXT: &str = "next.";
/// `none` where a database was made to be without a model.
const MEANING: &str = "meaning";

/// Rules of chunking change what is stored, so a new set of rules gets a new number.
const CHUNKING_RULES: u32 = 1;

/// What a database opened this way says of itself.
pub(crate) fn describe(
    config: &Config,
    embedder: Option<&dyn Embedder>,
    window_tokens: usize,
) -> BTreeMap<String, String> {
    let chunking = &config.chunking;
    let mut fields = BTreeMap::from([(
        CHUNKING.to_owned(),
        format!(
            "structure-{CHUNKING_RULES} target={} max={} min={}",
            chunking.target_tokens, chunking.max_tokens, chunking.min_tokens
        ),
    )]);
    if let Some(embedder) = embedder {
        let mut set = |name: &str, value: String| fields.insert(name.to_owned(), value);
        set(DIMENSION, embedder.dimension().to_string());
        set(DISTANCE, config.distance.to_string());
        set(ROWS, config.rows.name().to_owned());
        set(MODEL, one_line(embedder.name()));
        set(FINGERPRINT, embedder.fingerprint());
        set(WINDOW, window_tokens.to_string());
        if let Some(folder) = embedder.folder() {
            set(FOLDER, one_line(&folder.to_string_lossy()));
        }
    }
    fields
}

/// Compares the fields a database was made with against those it is opened with. `Some` are the fields to write: the database takes a
/// model, or its model has moved.
///
/// # Errors
/// [`Error::EmbedderMismatch`] for another model, else [`Error::Mismatch`] names the first field that differs.
pub(crate) fn reconcile(
    path: &Path,
    stored: &BTreeMap<String, String>,
    given: &BTreeMap<String, String>,
) -> Result<Option<BTreeMap<String, String>>> {
    let takes_model = !stored.contains_key(FINGERPRINT);
    if let (Some(old), Some(new)) = (model(stored), model(given))
        && old.1 != new.1
    {
        return Err(Error::EmbedderMismatch { path: path.to_path_buf(), stored: shown(old), given: shown(new) });
    }
    for (field, given) in given {
        match stored.get(field) {
            Some(stored) if stored == given || field == FOLDER || field == MODEL => {}
            None if takes_model || field == FOLDER => {}
            stored => {
                return Err(Error::Mismatch {
                    path: path.to_path_buf(),
                    field: field.clone(),
                    stored: stored.map_or("nothing", String::as_str).to_owned(),
                    given: given.clone(),
                });
            }
        }
    }
    let mut merged = stored.clone();
    merged.extend(given.iter().map(|(field, value)| (field.clone(), value.clone())));
    if given.contains_key(FINGERPRINT) {
        merged.remove(MEANING);
    }
    Ok((merged != *stored).then_some(merged))
}

/// The vectors a database holds, as its manifest says: dimension, distance and format of the rows.
pub(crate) fn vectors(fields: &BTreeMap<String, String>) -> Option<(usize, Distance, RowFormat)> {
    let dimension = fields.get(DIMENSION)?.parse().ok()?;
    let distance = fields.get(DISTANCE)?.parse().ok()?;
    let rows = RowFormat::ALL.into_iter().find(|format| Some(format.name()) == fields.get(ROWS).map(String::as_str))?;
    Some((dimension, distance, rows))
}

/// The window a database was made with, so that it need not be said again.
pub(crate) fn window_tokens(fields: &BTreeMap<String, String>) -> Option<usize> {
    fields.get(WINDOW)?.parse().ok()
}

/// Name and fingerprint of the model.
pub(crate) fn model(fields: &BTreeMap<String, String>) -> Option<(String, String)> {
    Some((fields.get(MODEL)?.clone(), fields.get(FINGERPRINT)?.clone()))
}

/// What a model says of itself.
const OF_MODEL: [&str; 7] = [DIMENSION, DISTANCE, ROWS, MODEL, FINGERPRINT, FOLDER, WINDOW];

/// The fields of a database that has no model yet, and none under way.
pub(crate) fn without_model(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = fields.iter().filter(|(name, _)| !OF_MODEL.contains(&name.as_str()) && !name.starts_with(NEXT));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The fields without what is the database's own affair: where the model was on that machine, in which slot vectors lie, what was to come next.
pub(crate) fn without_place(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = |name: &str| name == FOLDER || name == SLOT || name.starts_with(NEXT);
    let kept = fields.iter().filter(|(name, _)| !own(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether chunks and vectors of a database of the `other` fields can be taken over as they are; their dimension.
///
/// # Errors
/// Why not, in words.
pub(crate) fn same_vectors(
    fields: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Result<usize, String> {
    for name in [FINGERPRINT, CHUNKING, DIMENSION, WINDOW] {
        let said = |fields: &BTreeMap<String, String>| fields.get(name).map_or("nothing", String::as_str).to_owned();
        if fields.get(name) != other.get(name) {
            return Err(format!("{name} is {} here and {} there", said(fields), said(other)));
        }
    }
    vectors(fields).map(|(dimension, ..)| dimension).ok_or_else(|| "there is no model here".to_owned())
}

/// Where the vectors that serve lie.
pub(crate) fn slot(fields: &BTreeMap<String, String>) -> Slot {
    let named = fields.get(SLOT).and_then(|bit| bit.parse::<u32>().ok());
    Slot::ALL.into_iter().find(|slot| named == Some(slot.bit())).unwrap_or(Slot::First)
}

/// Name and fingerprint of the model whose vectors are being made.
pub(crate) fn next_model(fields: &BTreeMap<String, String>) -> Option<(String, String)> {
    let get = |name: &str| fields.get(&format!("{NEXT}{name}")).cloned();
    Some((get(MODEL)?, get(FINGERPRINT)?))
}

/// The fields with `model` noted as the one whose vectors are being made; its fields are [`describe`]'s.
pub(crate) fn with_next(
    fields: &BTreeMap<String, String>,
    model: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut noted: BTreeMap<String, String> = fields
        .iter()
        .filter(|(name, _)| !name.starts_with(NEXT))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let of_model = model.iter().filter(|(name, _)| OF_MODEL.contains(&name.as_str()));
    noted.extend(of_model.map(|(name, value)| (format!("{NEXT}{name}"), value.clone())));
    noted
}

/// The fields once `model` has taken over, its vectors in `slot`.
pub(crate) fn switched(
    fields: &BTreeMap<String, String>,
    model: &BTreeMap<String, String>,
    slot: Slot,
) -> BTreeMap<String, String> {
    let mut switched = without_model(fields);
    switched.remove(MEANING);
    switched.extend(model.iter().map(|(name, value)| (name.clone(), value.clone())));
    switched.insert(SLOT.to_owned(), slot.bit().to_string());
    switched
}

/// Makes the database one that keeps to words.
pub(crate) fn mark_words_only(fields: &mut BTreeMap<String, String>) {
    fields.insert(MEANING.to_owned(), "none".to_owned());
}

/// Whether the database was made to be without a model.
pub(crate) fn is_words_only(fields: &BTreeMap<String, String>) -> bool {
    fields.contains_key(MEANING)
}

/// The model of a database, read from its folder without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseModel {
    /// There is no database, or one that takes the first model it is opened with.
    Open,
    /// It was made to be without.
    WordsOnly,
    /// It was made with this one.
    Made {
        /// Its name.
        name: String,
        /// The hash its vectors are tied to.
        fingerprint: String,
        /// The folder it was in, where it was in one.
        folder: Option<PathBuf>,
    },
}

/// The model whose vectors `reembed` has begun to make for the database in a folder, beside those that serve; [`DatabaseModel::Open`] where
/// there is none.
///
/// # Errors
/// When the manifest is damaged or of a newer format.
pub fn next_database_model(database: impl AsRef<Path>) -> Result<DatabaseModel> {
    let Some(Manifest { fields, .. }) = Manifest::read(database)? else { return Ok(DatabaseModel::Open) };
    Ok(match next_model(&fields) {
        Some((name, fingerprint)) => {
            let folder = fields.get(&format!("{NEXT}{FOLDER}")).map(PathBuf::from);
            DatabaseModel::Made { name, fingerprint, folder }
        }
        None => DatabaseModel::Open,
    })
}

/// The model of the database in a folder.
///
/// # Errors
/// When the manifest is damaged or of a newer format.
pub fn database_model(database: impl AsRef<Path>) -> Result<DatabaseModel> {
    let Some(Manifest { fields, .. }) = Manifest::read(database)? else { return Ok(DatabaseModel::Open) };
    Ok(match model(&fields) {
        Some((name, fingerprint)) => {
            DatabaseModel::Made { name, fingerprint, folder: fields.get(FOLDER).map(PathBuf::from) }
        }
        None if is_words_only(&fields) => DatabaseModel::WordsOnly,
        None => DatabaseModel::Open,
    })
}

/// A model as messages name it.
fn shown((name, fingerprint): (String, String)) -> String {
    format!("{name} ({})", fingerprint.get(..12).unwrap_or(&fingerprint))
}

/// Manifest values are single lines.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_database_without_a_model_takes_one_and_keeps_it() {
        let path = Path::new("notes.db");
        let bare = fields(&[(CHUNKING, "a")]);
        let first = fields(&[(CHUNKING, "a"), (MODEL, "m"), (FINGERPRINT, "1"), (DIMENSION, "4")]);
        let taken = reconcile(path, &bare, &first).unwrap().unwrap();
        assert_eq!(taken, first);
        assert_eq!(reconcile(path, &taken, &first).unwrap(), None);
        assert_eq!(reconcile(path, &taken, &bare).unwrap(), None, "without a model it opens for words");
        let other = fields(&[(CHUNKING, "a"), (MODEL, "m"), (FINGERPRINT, "2"), (DIMENSION, "4")]);
        let refused = reconcile(path, &taken, &other).unwrap_err();
        assert!(
            matches!(&refused, Error::EmbedderMismatch { stored, given, .. } if stored == "m (1)" && given == "m (2)")
        );
        let mut words = bare.clone();
        mark_words_only(&mut words);
        assert_eq!(reconcile(path, &words, &bare).unwrap(), None, "opening it for words leaves it as it is");
        assert_eq!(reconcile(path, &words, &first).unwrap().unwrap(), first, "and it can still take a model");
        let recut = fields(&[(CHUNKING, "b")]);
        assert!(matches!(reconcile(path, &bare, &recut), Err(Error::Mismatch { field, .. }) if field == CHUNKING));
    }

    #[test]
    fn a_model_that_moved_is_still_the_model() {
        let stored = fields(&[(FINGERPRINT, "1"), (FOLDER, "old")]);
        let moved = fields(&[(FINGERPRINT, "1"), (FOLDER, "new")]);
        assert_eq!(reconcile(Path::new("x"), &stored, &moved).unwrap(), Some(moved));
    }
}
