//! The two tables as Parquet.
//!
//! Metadata, headings and heading paths are JSON in a column of text, since no schema would fit them all; a vector is a list of floats.

use std::fs::File;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::reader::SerializedFileReader;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use ::parquet::schema::parser::parse_message_type;

use super::export::Tables;
use super::record::{ChunkRow, DocumentRow};
use crate::error::{Error, Result};

const DOCUMENTS: &str = "message documents {
    required binary id (STRING);
    required binary title (STRING);
    required binary text (STRING);
    required binary metadata (STRING);
    required binary headings (STRING);
    required binary exact (STRING);
}";
const CHUNKS: &str = "message chunks {
    required binary document_id (STRING);
    required int32 chunk;
    required int64 start;
    required int64 end;
    required binary heading_path (STRING);
    required group vector (LIST) { repeated group list { required float element; } }
}";
/// Bytes of one row group, before compression.
const GROUP_BYTES: usize = 32 << 20;

/// Writes them.
pub(super) struct ParquetWriter {
    documents: Table,
    chunks: Table,
    document_rows: Vec<DocumentRow>,
    chunk_rows: Vec<ChunkRow>,
    bytes: (usize, usize),
}

struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
}

impl ParquetWriter {
    /// Begins both files.
    pub(super) fn create(folder: &Path, _dimension: usize) -> Result<Self> {
        Ok(Self {
            documents: Table::create(folder, "documents", DOCUMENTS)?,
            chunks: Table::create(folder, "chunks", CHUNKS)?,
            document_rows: Vec::new(),
            chunk_rows: Vec::new(),
            bytes: (0, 0),
        })
    }

    fn write_documents(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.document_rows);
        self.bytes.0 = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let columns: Vec<Vec<ByteArray>> = vec![
            rows.iter().map(|row| ByteArray::from(row.id.as_str())).collect(),
            rows.iter().map(|row| ByteArray::from(row.title.as_str())).collect(),
            rows.iter().map(|row| ByteArray::from(row.text.as_str())).collect(),
            rows.iter().map(|row| json(&row.metadata)).collect(),
            rows.iter().map(|row| json(&row.headings)).collect(),
            rows.iter().map(|row| json(&row.exact)).collect(),
        ];
        self.documents.group(|group| {
            for column in &columns {
                let Some(mut writer) = group.next_column()? else { continue };
                writer.typed::<ByteArrayType>().write_batch(column, None, None)?;
                writer.close()?;
            }
            Ok(())
        })
    }

    fn write_chunks(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.chunk_rows);
        self.bytes.1 = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(row.document_id.as_str())).collect();
        let numbers: Vec<i32> = rows.iter().map(|row| row.chunk as i32).collect();
        let starts: Vec<i64> = rows.iter().map(|row| row.span[0] as i64).collect();
        let ends: Vec<i64> = rows.iter().map(|row| row.span[1] as i64).collect();
        let paths: Vec<ByteArray> = rows.iter().map(|row| json(&row.heading_path)).collect();
        // A list without elements is one entry that is not defined; each further element of a list repeats.
        let mut levels: (Vec<i16>, Vec<i16>) = (Vec::new(), Vec::new());
        for row in &rows {
            let length = row.vector.len().max(1);
            levels.0.extend(std::iter::repeat_n(i16::from(!row.vector.is_empty()), length));
            levels.1.extend((0..length).map(|at| i16::from(at > 0)));
        }
        let vectors: Vec<f32> = rows.iter().flat_map(|row| row.vector.iter().copied()).collect();
        self.chunks.group(|group| {
            let mut at = 0;
            while let Some(mut writer) = group.next_column()? {
                match at {
                    0 => writer.typed::<ByteArrayType>().write_batch(&ids, None, None)?,
                    1 => writer.typed::<Int32Type>().write_batch(&numbers, None, None)?,
                    2 => writer.typed::<Int64Type>().write_batch(&starts, None, None)?,
                    3 => writer.typed::<Int64Type>().write_batch(&ends, None, None)?,
                    4 => writer.typed::<ByteArrayType>().write_batch(&paths, None, None)?,
                    _ => writer.typed::<FloatType>().write_batch(&vectors, Some(&levels.0), Some(&levels.1))?,
                };
                writer.close()?;
                at += 1;
            }
            Ok(())
        })
    }
}

type Group<'a> = ::parquet::file::writer::SerializedRowGroupWriter<'a, File>;

impl Table {
    fn create(folder: &Path, table: &str, schema: &str) -> Result<Self> {
        let path = folder.join(format!("{table}.parquet"));
        let file = File::create(&path).map_err(Error::io(&path))?;
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let properties = Arc::new(WriterProperties::builder().set_compression(zstd).build());
        let schema = parse_message_type(schema).map_err(failed(&path))?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), properties).map_err(failed(&path))?;
        Ok(Self { path, writer })
    }

    fn group(&mut self, fill: impl FnOnce(&mut Group<'_>) -> Result<(), ParquetError>) -> Result<()> {
        let written = self.writer.next_row_group().and_then(|mut group| {
            fill(&mut group)?;
            group.close().map(drop)
        });
        written.map_err(failed(&self.path))
    }

    fn finish(mut self) -> Result<()> {
        self.writer.finish().map_err(failed(&self.path))?;
        self.writer.inner().sync_all().map_err(Error::io(&self.path))
    }
}

impl Tables for ParquetWriter {
    fn document(&mut self, row: &DocumentRow) -> Result<()> {
        self.bytes.0 += row.text.len() + 200;
        self.document_rows.push(row.clone());
        if self.bytes.0 >= GROUP_BYTES { self.write_documents() } else { Ok(()) }
    }

    fn chunk(&mut self, row: &ChunkRow) -> Result<()> {
        self.bytes.1 += row.vector.len() * 4 + 100;
        self.chunk_rows.push(row.clone());
        if self.bytes.1 >= GROUP_BYTES { self.write_chunks() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.write_documents()?;
        self.write_chunks()?;
        self.documents.finish()?;
        self.chunks.finish()
    }
}

/// Reads one table.
pub(super) struct ParquetReader<T> {
    path: PathBuf,
    rows: RowIter<'static>,
    number: u64,
    of: PhantomData<T>,
}

/// A row that can be made of columns.
pub(super) trait FromRow: Sized {
    /// The row; `None` where a column is missing or of another type.
    fn from_row(columns: Columns) -> Option<Self>;
}

impl<T: FromRow> ParquetReader<T> {
    /// Opens `documents` or `chunks`.
    pub(super) fn open(folder: &Path, table: &str) -> Result<Self> {
        let path = folder.join(format!("{table}.parquet"));
        let file = File::open(&path).map_err(Error::io(&path))?;
        let rows = guarded(&path, || Ok(RowIter::from_file_into(Box::new(SerializedFileReader::new(file)?))))?;
        Ok(Self { path, rows, number: 0, of: PhantomData })
    }
}

impl<T: FromRow> Iterator for ParquetReader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.number += 1;
        let rows = &mut self.rows;
        match guarded(&self.path, || rows.next().transpose()) {
            Ok(None) => None,
            Ok(Some(row)) => Some(T::from_row(Columns::of(row)).ok_or_else(|| {
                let reason =
                    format!("{} row {} has other columns than an export has", self.path.display(), self.number);
                Error::Argument { field: "import", reason }
            })),
            Err(error) => Some(Err(error)),
        }
    }
}

/// The columns of a row by name.
pub(super) struct Columns(Vec<(String, Field)>);

impl Columns {
    fn of(row: Row) -> Self {
        Self(row.into_columns())
    }

    fn take(&mut self, name: &str) -> Option<Field> {
        let at = self.0.iter().position(|(column, _)| column == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Field::Str(text) => Some(text),
            _ => None,
        }
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        serde_json::from_str(&self.text(name)?).ok()
    }

    fn number(&mut self, name: &str) -> Option<usize> {
        match self.take(name)? {
            Field::Int(number) => usize::try_from(number).ok(),
            Field::Long(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }
}

impl FromRow for DocumentRow {
    fn from_row(mut columns: Columns) -> Option<Self> {
        Some(Self {
            id: columns.text("id")?,
            title: columns.text("title")?,
            text: columns.text("text")?,
            metadata: columns.json("metadata")?,
            headings: columns.json("headings")?,
            // Exports of before there was such a column have none.
            exact: columns.json("exact").unwrap_or_default(),
        })
    }
}

impl FromRow for ChunkRow {
    fn from_row(mut columns: Columns) -> Option<Self> {
        let vector = match columns.take("vector")? {
            Field::ListInternal(list) => list
                .elements()
                .iter()
                .map(|field| match field {
                    Field::Float(value) => Some(*value),
                    _ => None,
                })
                .collect::<Option<Vec<f32>>>()?,
            _ => return None,
        };
        Some(Self {
            document_id: columns.text("document_id")?,
            chunk: u32::try_from(columns.number("chunk")?).ok()?,
            span: [columns.number("start")?, columns.number("end")?],
            heading_path: columns.json("heading_path")?,
            vector,
        })
    }
}

/// The reader checks most of what a damaged file can hold and panics at the rest.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T> {
    match neodex_guard::call(read) {
        Ok(read) => read.map_err(failed(path)),
        Err(_) => {
            let reason = format!("{}: its pages are damaged", path.display());
            Err(Error::Argument { field: "import", reason })
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(ParquetError) -> Error {
    let path = path.to_path_buf();
    move |error| Error::Io { path, source: std::io::Error::other(error) }
}

fn json(value: &impl serde::Serialize) -> ByteArray {
    // What is written here is made of maps, lists, text and numbers, which always have a JSON.
    ByteArray::from(serde_json::to_vec(value).unwrap_or_default())
}
