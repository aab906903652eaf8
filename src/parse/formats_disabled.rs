//! A build without the feature `formats`: pdf, docx, epub and parquet are named, but not read.

use super::{Format, ParseError, Parser, RecordFields};

pub(super) fn parser(format: Format, _fields: &RecordFields) -> Result<Box<dyn Parser>, ParseError> {
    Err(ParseError::Unsupported {
        reason: format!("this build does not read {format}: build it with the feature 'formats'"),
    })
}

/// The work of a child that reads a pdf: this build has none.
pub(super) fn read_for_parent() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
