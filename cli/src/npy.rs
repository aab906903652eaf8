//! NumPy's `.npy`: written in version 1.0, a header of fixed length whose number of rows is filled in at the end, then float32 rows; read where
//! it is such an array, whoever wrote it.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

/// Bytes before the first row, a multiple of 64 as the format asks for.
const HEADER_BYTES: usize = 128;

/// Writes an array of shape (rows, columns), row by row.
pub(crate) struct Writer<W: Write + Seek> {
    out: BufWriter<W>,
    rows: u64,
    columns: usize,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins an array.
    pub(crate) fn new(out: W, columns: usize) -> io::Result<Self> {
        let mut out = BufWriter::new(out);
        out.write_all(&header(0, columns))?;
        Ok(Self { out, rows: 0, columns })
    }

    /// Adds a row, which must be as long as the array is wide.
    pub(crate) fn row(&mut self, row: &[f32]) -> io::Result<()> {
        if row.len() != self.columns {
            let message = format!("a row of {} values in an array of {} columns", row.len(), self.columns);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        for value in row {
            self.out.write_all(&value.to_le_bytes())?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes how many rows there are.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&header(self.rows, self.columns))?;
        self.out.flush()
    }
}

fn header(rows: u64, columns: usize) -> Vec<u8> {
    let description = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&((HEADER_BYTES - 10) as u16).to_le_bytes());
    header.extend_from_slice(description.as_bytes());
    header.resize(HEADER_BYTES - 1, b' ');
    header.push(b'\n');
    header
}

/// The columns and the values of a two-dimensional float32 array, row after row.
///
/// # Errors
/// Says what it is instead.
pub(crate) fn read(bytes: &[u8]) -> Result<(usize, Vec<f32>), String> {
    let (version, rest) = bytes
        .strip_prefix(b"\x93NUMPY")
        .and_then(|rest| rest.split_first_chunk::<2>())
        .ok_or("it is no NumPy array")?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk::<2>().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest)),
        _ => rest.split_first_chunk::<4>().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
    }
    .ok_or("it ends within its header")?;
    let (header, data) = rest.split_at_checked(length).ok_or("it ends within its header")?;
    let header = String::from_utf8_lossy(header);
    let field = |name: &str| header.split_once(&format!("'{name}':")).map(|(_, value)| value.trim_start());
    if !field("descr").is_some_and(|kind| kind.starts_with("'<f4'")) {
        return Err("its values are not float32; save it with .astype('float32')".to_owned());
    }
    if !field("fortran_order").is_some_and(|order| order.starts_with("False")) {
        return Err("it is stored column by column; save a copy of it".to_owned());
    }
    let shape =
        field("shape").and_then(|shape| shape.strip_prefix('(')?.split_once(')')).map_or("", |(shape, _)| shape);
    let shape: Vec<usize> = shape.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    let [rows, columns] = shape[..] else { return Err("it is not of shape (vectors, dimension)".to_owned()) };
    if rows.checked_mul(columns).and_then(|values| values.checked_mul(4)) != Some(data.len()) {
        return Err(format!("it should have {rows} x {columns} values and has {} bytes of them", data.len()));
    }
    Ok((columns, data.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_array_is_laid_out_as_numpy_reads_it() {
        let mut bytes = io::Cursor::new(Vec::new());
        let mut writer = Writer::new(&mut bytes, 2).unwrap();
        writer.row(&[1.0, -2.5]).unwrap();
        writer.row(&[0.0, 3.0]).unwrap();
        assert!(writer.row(&[1.0]).is_err());
        writer.finish().unwrap();
        drop(writer);
        let bytes = bytes.into_inner();
        assert_eq!(read(&bytes).unwrap(), (2, vec![1.0, -2.5, 0.0, 3.0]));
        assert!(read(&bytes[..bytes.len() - 1]).is_err() && read(b"text").is_err());
        assert_eq!(bytes.len(), HEADER_BYTES + 16);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\x00\x76\x00");
        let text = String::from_utf8_lossy(&bytes[10..HEADER_BYTES]);
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }") && text.ends_with(" \n")
        );
        assert_eq!(bytes[HEADER_BYTES + 4..HEADER_BYTES + 8], (-2.5f32).to_le_bytes());
    }
}
