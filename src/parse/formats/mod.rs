//! The formats that need more crates: pdf, docx, epub, parquet.

mod archive;
mod docx;
mod epub;
mod parquet;
mod pdf;
mod pdf_child;
mod pdf_page;
mod xml;

pub(super) use pdf_child::read_for_parent;

use super::{Format, ParseError, Parser, RecordFields};

/// The parser of one of these formats.
pub(super) fn parser(format: Format, fields: &RecordFields) -> Result<Box<dyn Parser>, ParseError> {
    Ok(match format {
        Format::Docx => Box::new(docx::DocxParser),
        Format::Epub => Box::new(epub::EpubParser),
        Format::Parquet => Box::new(parquet::ParquetParser::new(fields.clone())),
        Format::Pdf => Box::new(pdf::PdfParser),
        other => {
            return Err(ParseError::Unsupported { reason: format!("{other} is read elsewhere") });
        }
    })
}
