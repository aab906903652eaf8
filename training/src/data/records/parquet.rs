//! Parquet: a row is a record, of which the columns that hold text, or lists of it, are kept.

use std::fs::File;
use std::path::Path;

use ::parquet::file::reader::SerializedFileReader;
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use serde_json::Value;

use super::{Found, Record};
use crate::data::error::{Error, Result};

/// The rows of a Parquet file.
pub(super) fn rows(path: &Path) -> Result<impl Iterator<Item = Result<Found>> + Send + use<>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let path = path.to_owned();
    let fault = move |reason| Error::Parquet { path: path.clone(), reason };
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(&fault)?;
    let mut rows = RowIter::from_file_into(Box::new(reader));
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        let row = guarded(|| rows.next().transpose()).map_err(&fault).transpose()?;
        number += 1;
        Some(row.map(|row| (number, Ok(record(row)))))
    }))
}

/// The reader checks most of what a damaged file can hold and panics at the rest.
fn guarded<T>(read: impl FnOnce() -> ::parquet::errors::Result<T>) -> Result<T, String> {
    match neodex_guard::call(read) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its pages are damaged".to_owned()),
    }
}

fn record(row: Row) -> Record {
    row.into_columns().into_iter().filter_map(|(name, field)| Some((name, value(&field)?))).collect()
}

fn value(field: &Field) -> Option<Value> {
    match field {
        Field::Str(text) => Some(Value::from(text.as_str())),
        // Old writers do not mark their strings as such.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok().map(Value::from),
        Field::ListInternal(list) => Some(list.elements().iter().filter_map(value).collect()),
        _ => None,
    }
}
