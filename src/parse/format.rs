//! Which format a file has: by what the user says, by its extension, by its first bytes.

use super::{Compression, Limits, ParseError, Source};
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Plain text, source code included.
    Text,
    /// CommonMark with tables, and front matter.
    Markdown,
    /// HTML and XHTML.
    Html,
    /// PDF.
    Pdf,
    /// Word's docx.
    Docx,
    /// EPUB.
    Epub,
    /// A JSON object a line.
    Jsonl,
    /// Comma or tab separated values with a header row.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// A BEIR folder, or its corpus.jsonl.
    Beir,
}

/// Extensions of text that are read without a look at the bytes.
const TEXT: &[&str] = &[
    "txt", "text", "rst", "log", "org", "tex", "adoc", "asciidoc", "json", "json5", "yaml", "yml", "toml", "ini",
    "cfg", "conf", "xml", "rs", "py", "js", "mjs", "ts", "tsx", "jsx", "c", "h", "cc", "cpp", "hpp", "cs", "java",
    "kt", "go", "rb", "php", "swift", "scala", "hs", "ml", "lua", "pl", "r", "jl", "sh", "bash", "zsh", "fish", "sql",
    "css", "scss", "proto", "vim", "el", "lisp", "clj", "ex", "exs", "erl", "nix", "diff", "patch", "srt", "vtt",
];

impl Format {
    /// All of them, in the order they are shown.
    pub const ALL: [Format; 10] = [
        Format::Text,
        Format::Markdown,
        Format::Html,
        Format::Pdf,
        Format::Docx,
        Format::Epub,
        Format::Jsonl,
        Format::Csv,
        Format::Parquet,
        Format::Beir,
    ];

    /// The name a user gives it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Pdf => "pdf",
            Format::Docx => "docx",
            Format::Epub => "epub",
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Beir => "beir",
        }
    }

    /// By extension (`notes.md`, `notes.md.gz`); `None` where the extension says nothing.
    pub fn from_path(path: &Path) -> Option<Format> {
        let inner = Compression::strip(path);
        let extension = inner.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "md" | "markdown" | "mdown" | "mkd" | "mdx" => Format::Markdown,
            "html" | "htm" | "xhtml" => Format::Html,
            "pdf" => Format::Pdf,
            "docx" => Format::Docx,
            "epub" => Format::Epub,
            "jsonl" | "ndjson" => Format::Jsonl,
            "csv" | "tsv" => Format::Csv,
            "parquet" => Format::Parquet,
            other if TEXT.contains(&other) => Format::Text,
            _ => return None,
        })
    }

    /// Of a file: by its extension, else by its first bytes.
    ///
    /// # Errors
    /// [`ParseError::Binary`] for what is not text, and where the file cannot be read.
    pub(crate) fn of_file(path: &Path) -> Result<Format, ParseError> {
        Self::of(&Source::from_path(path, path.to_string_lossy()), &Limits::default())
    }

    pub(super) fn of(source: &Source, limits: &Limits) -> Result<Format, ParseError> {
        let name = source.path().unwrap_or(Path::new(source.id()));
        if name.is_dir() {
            return Ok(Format::Beir);
        }
        if let Some(format) = Format::from_path(name) {
            return Ok(format);
        }
        let mut head = Vec::new();
        source.open(limits)?.take(8 << 10).read_to_end(&mut head).map_err(|error| {
            match Compression::from_path(name) {
                Compression::None => ParseError::from_read(error),
                // `x.gz` that is no gzip.
                _ => ParseError::malformed(Format::Text, error),
            }
        })?;
        Format::sniff(&head)
    }

    /// By the first bytes (unpacked) of a file whose extension says nothing.
    ///
    /// # Errors
    /// [`ParseError::Binary`] when they are neither a known format's nor text.
    pub fn sniff(head: &[u8]) -> Result<Format, ParseError> {
        if head.starts_with(b"%PDF-") {
            return Ok(Format::Pdf);
        }
        if head.starts_with(b"PAR1") {
            return Ok(Format::Parquet);
        }
        let start: Vec<u8> = head
            .iter()
            .copied()
            .skip_while(u8::is_ascii_whitespace)
            .take(14)
            .map(|byte| byte.to_ascii_lowercase())
            .collect();
        if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
            return Ok(Format::Html);
        }
        if super::encoding::looks_like_text(head) { Ok(Format::Text) } else { Err(ParseError::Binary) }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = ParseError;

    fn from_str(name: &str) -> Result<Self, ParseError> {
        let lower = name.to_ascii_lowercase();
        let found = Format::ALL.into_iter().find(|format| format.name() == lower);
        found
            .or(match lower.as_str() {
                "txt" => Some(Format::Text),
                "md" => Some(Format::Markdown),
                "htm" | "xhtml" => Some(Format::Html),
                "ndjson" => Some(Format::Jsonl),
                "tsv" => Some(Format::Csv),
                _ => None,
            })
            .ok_or_else(|| ParseError::Unsupported {
                reason: format!("'{name}' is no known format: use one of {}", Format::ALL.map(Format::name).join(", ")),
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn extensions_and_names() {
        let by = |path: &str| Format::from_path(Path::new(path));
        assert_eq!(by("a/b.md"), Some(Format::Markdown));
        assert_eq!(by("a/B.MD.GZ"), Some(Format::Markdown));
        assert_eq!(by("a.jsonl.zst"), Some(Format::Jsonl));
        assert_eq!(by("a.rs"), Some(Format::Text));
        assert_eq!(by("a.bin"), None);
        assert_eq!(by("README"), None);
        for format in Format::ALL {
            assert_eq!(format.name().parse::<Format>().unwrap(), format);
        }
        let unknown = "word".parse::<Format>().unwrap_err().to_string();
        assert!(unknown.contains("'word'") && unknown.contains("epub"), "{unknown}");
    }

    #[test]
    fn first_bytes() {
        assert_eq!(Format::sniff(b"%PDF-1.7 ...").unwrap(), Format::Pdf);
        assert_eq!(Format::sniff(b"\n <!DOCTYPE HTML><p>").unwrap(), Format::Html);
        assert_eq!(Format::sniff("bonjour à tous".as_bytes()).unwrap(), Format::Text);
        assert_eq!(Format::sniff(b"").unwrap(), Format::Text);
        assert!(matches!(Format::sniff(b"\x7fELF\0\0\0"), Err(ParseError::Binary)));
    }
}
