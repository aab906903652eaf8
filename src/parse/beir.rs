//! A BEIR folder: the records of its `corpus.jsonl`, packed or not. Queries and judgements are not documents.

use super::dispatch::{Emit, Parser};
use super::jsonl::JsonlParser;
use super::{Format, Limits, ParseError, RecordFields, Source};

const CORPUS: [&str; 3] = ["corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst"];

/// Reads a BEIR folder, or its corpus file.
pub(super) struct BeirParser {
    records: JsonlParser,
}

impl BeirParser {
    pub(super) fn new(fields: RecordFields) -> Self {
        Self { records: JsonlParser::new(fields) }
    }
}

impl Parser for BeirParser {
    fn parse(&self, source: &Source, limits: &Limits, emit: &mut Emit<'_>) -> Result<(), ParseError> {
        let Some(folder) = source.path().filter(|path| path.is_dir()) else {
            return self.records.parse(source, limits, emit);
        };
        let Some(corpus) = CORPUS.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
            return Err(ParseError::malformed(Format::Beir, format!("the folder has none of {}", CORPUS.join(", "))));
        };
        self.records.parse(&Source::from_path(corpus, source.id()), limits, emit)
    }
}
