//! Plain text: kept as it is, but for a byte order mark. It has no title of its own.

use super::dispatch::{Emit, Parser};
use super::{Limits, ParseError, Source, encoding};
use crate::document::Document;

/// Reads plain text.
pub(super) struct TextParser;

impl Parser for TextParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let text = encoding::decode(source.read(limits)?);
        let document = Document::new(source.id(), text);
        document.check()?;
        // Nothing follows one document, so it does not matter whether the caller wants more.
        let _ = emit(Ok(document));
        Ok(())
    }
}
