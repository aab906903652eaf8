//! A safetensors file written tensor by tensor, so that no more than one is held beside the model.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use half::{bf16, f16};
use serde_json::{Map, Value, json};

use super::export::WeightFormat;
use super::state::Written;
use super::tensor::TensorSpec;
use crate::error::{Error, Result};

/// Bytes are handed to the file in pieces of this many.
const BUFFER: usize = 1 << 20;

/// Writes `tensors` in this order to the new file `path` and brings it to the disk. `values` is asked for each tensor once.
pub(super) fn write(
    path: &Path,
    tensors: &[TensorSpec],
    format: WeightFormat,
    mut values: impl FnMut(&TensorSpec) -> Result<Vec<f32>>,
) -> Result<Written> {
    let file = File::create(path).map_err(Error::io(path))?;
    let mut out = Hashed { out: BufWriter::with_capacity(BUFFER, file), hash: blake3::Hasher::new(), bytes: 0 };
    out.write(&header(tensors, format)).map_err(Error::io(path))?;
    for spec in tensors {
        let values = values(spec)?;
        if values.len() != spec.count() {
            let reason = format!("{} values for tensor `{}` of shape {:?}", values.len(), spec.name, spec.shape);
            return Err(Error::Checkpoint { path: path.to_owned(), reason });
        }
        out.write(&encode(&values, format)).map_err(Error::io(path))?;
    }
    let Hashed { out, hash, bytes } = out;
    let file = out.into_inner().map_err(|error| Error::io(path)(error.into_error()))?;
    file.sync_all().map_err(Error::io(path))?;
    Ok(Written { bytes, blake3: hash.finalize().to_hex().to_string() })
}

/// The length of the header, and the header: where each tensor lies.
fn header(tensors: &[TensorSpec], format: WeightFormat) -> Vec<u8> {
    let (mut table, mut start) = (Map::new(), 0);
    // Other programs look here to see whose layout the tensors have.
    table.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    for spec in tensors {
        let end = start + spec.count() * format.bytes();
        let entry = json!({"dtype": format.dtype(), "shape": spec.shape, "data_offsets": [start, end]});
        table.insert(spec.name.clone(), entry);
        start = end;
    }
    let mut text = Value::Object(table).to_string().into_bytes();
    // The data starts at a multiple of eight bytes.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    bytes
}

fn encode(values: &[f32], format: WeightFormat) -> Vec<u8> {
    match format {
        WeightFormat::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        WeightFormat::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        WeightFormat::Bf16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
    }
}

/// A file that knows the hash of what went into it.
struct Hashed {
    out: BufWriter<File>,
    hash: blake3::Hasher,
    bytes: u64,
}

impl Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}
